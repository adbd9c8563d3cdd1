import type { Database } from '../../db/client.ts'

export type WrittenEvent<Body> = { type: string; sequence: number; facts: { object: Body } }

/** The events of an object as they were written, oldest first. */
export async function eventsOf<Body>(
  { pool }: Pick<Database, 'pool'>,
  objectId: string,
): Promise<WrittenEvent<Body>[]> {
  const { rows } = await pool.query<WrittenEvent<Body>>(
    'select type, sequence, facts from events where object_id = $1 order by sequence',
    [objectId],
  )
  return rows
}
