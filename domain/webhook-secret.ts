export const WEBHOOK_SECRET_CHARACTERS_MIN = 16
export const WEBHOOK_SECRET_CHARACTERS_MAX = 64

/** Secrets of one endpoint that sign at the same time: the current one and those that it replaced. */
export const WEBHOOK_LIVE_SECRETS_MAX = 5

export const ROTATION_OVERLAP_SECONDS_DEFAULT = 86_400
export const ROTATION_OVERLAP_SECONDS_MAX = 604_800

const STANDARD_FORM = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/

/**
 * The secret in the form that Standard Webhooks libraries take: `whsec_` and base64. A secret that
 * has this form already, such as every generated one, is it; the bytes of any other text are wrapped.
 */
export function toStandardSecret(secret: string): string {
  return STANDARD_FORM.test(secret) ? secret : `whsec_${utf8ToBase64(secret)}`
}

/**
 * The base64 keys under which a secret signs the Standard Webhooks header: its own bytes, and those
 * that its `whsec_` form stands for. Whichever way a receiver reads its secret, one of them verifies.
 */
export function standardKeys(secret: string): string[] {
  const ownBytes = utf8ToBase64(secret)
  const encoded = STANDARD_FORM.exec(secret)?.[1]
  return encoded === undefined || encoded === '' ? [ownBytes] : [encoded, ownBytes]
}

function utf8ToBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}
