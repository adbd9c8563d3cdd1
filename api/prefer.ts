/** What a client asks for in the `Prefer` header (RFC 7240), as far as Bark knows it. */
export type Preferences = { respondAsync: boolean; waitSeconds: number }

/** A longer wait would meet the time limits of proxies; more is taken for this. */
export const WAIT_SECONDS_MAX = 25

/** Reads the header; what it does not know it ignores, as the RFC asks. */
export function readPreferences(header: string | undefined): Preferences {
  const wishes = (header ?? '').split(',').map((wish) => wish.trim().toLowerCase())
  const wait = wishes.map((wish) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(wish)?.[1]).find(Boolean)
  return {
    respondAsync: wishes.includes('respond-async'),
    waitSeconds: Math.min(Number(wait ?? 0), WAIT_SECONDS_MAX),
  }
}
