-- A sender that was late for its place says by how much.
drop function if exists claim_attempt(text, text);
