-- Requests that wait for one counter are counted by one statement: `count_requests`.

drop function if exists count_request(text, text, integer, text, integer, integer);
