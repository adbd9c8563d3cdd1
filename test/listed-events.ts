import type { TestClient } from './api/client.ts'
import { eventually } from './harness.ts'

/**
 * What `GET /v2/events` lists once it lists so many: a list holds back what any transaction of the whole
 * server that began earlier might still come before.
 */
export async function listedEvents<Event>(
  client: TestClient,
  query: string,
  count: number,
): Promise<Event[]> {
  return eventually(
    async () => (await client.get<{ data: Event[] }>(`/v2/events?${query}`)).body.data,
    (events) => events.length >= count,
  )
}
