/** The fields of answers that these tests look at by name. */
export type Webhook = { id: string; secret: string; standard_secret: string }
export type SentTest = { event_id: string; delivery_id: string }
export type Rotated = { secret: string; old_secrets_end_at: string }
export type Listed = { data: { id: string }[]; pagination: { next_cursor: string | null } }
export type Refusal = {
  error: { reason: string; details: { field: string; message: string }[] }
}
