import { createHash } from 'node:crypto'
import { DomainError } from '../domain/error.ts'

/**
 * A strong ETag of a printed body: `"<version>-<digest>"`. The digest is of every byte, so a 304 is
 * never stale; the version is that of the object's own row, which is what `If-Match` protects: a
 * code sold in between changes a product's inventory and must not refuse an edit of its name.
 */
export function entityTag(body: unknown, printed: string): string {
  return `"${versionOf(body)}-${createHash('sha256').update(printed).digest('base64url').slice(0, 22)}"`
}

/** Whether the client's `If-None-Match` names this very representation. */
export function isKnownToClient(ifNoneMatch: string | undefined, tag: string): boolean {
  return tagsOf(ifNoneMatch).some((given) => given === '*' || given.replace(/^W\//, '') === tag)
}

/** The one ETag that a client's `If-None-Match` names, or null when it names none or several. */
export function onlyTag(ifNoneMatch: string | undefined): string | null {
  const [tag, ...others] = tagsOf(ifNoneMatch)
  return tag === undefined || others.length > 0 ? null : tag.replace(/^W\//, '')
}

/**
 * Refuses an edit that rests on another version of the object: by `If-Match`, and by `version` in
 * the body.
 *
 * @throws DomainError `precondition_failed` (412) or `version_mismatch` (409)
 */
export function requireVersion(
  expected: { ifMatch: string | undefined; version: number | undefined },
  version: number,
): void {
  const tags = tagsOf(expected.ifMatch)
  if (tags.length > 0 && !tags.some((tag) => tag === '*' || tag.startsWith(`"${version}-`))) {
    throw new DomainError('precondition_failed', `It is at version ${version} now.`)
  }
  if (expected.version !== undefined && expected.version !== version) {
    throw new DomainError('version_mismatch', `It is at version ${version} now.`, {
      fields: [{ field: 'version', message: `Is ${version} now` }],
    })
  }
}

function tagsOf(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
}

function versionOf(body: unknown): number {
  if (typeof body !== 'object' || body === null || !('version' in body)) return 0
  return typeof body.version === 'number' ? body.version : 0
}
