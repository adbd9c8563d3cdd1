/** A webhook as it arrived. */
export type ReceivedRequest = {
  path: string
  headers: Record<string, string>
  /** The raw body, as signed. */
  body: string
  /** Real time. */
  received_at: string
  /** The status that was sent; null when none was. */
  answered: number | null
  /** Whether X-Webhook-Signature is right; null when the path's script names no secret. */
  signature_ok: boolean | null
}

/** Whether a line of a receiver's file is what it wrote there. */
export function isReceivedRequest(value: unknown): value is ReceivedRequest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    typeof value.path === 'string' &&
    'headers' in value &&
    'body' in value &&
    typeof value.body === 'string' &&
    'received_at' in value
  )
}
