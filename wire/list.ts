/** One page by number. `total_items` is exact up to 10,000; beyond, `total_exact` is false. */
export type PageList<Item> = {
  data: Item[]
  pagination: {
    page: number
    limit: number
    total_pages: number
    total_items: number
    total_exact: boolean
    has_next: boolean
    has_previous: boolean
  }
}

/** One step of a cursor walk; `next_cursor` is null at the end. */
export type CursorList<Item> = {
  data: Item[]
  pagination: { next_cursor: string | null; has_more: boolean }
}

/** Counting stops here: an exact total of millions costs more than anybody pays for it. */
export const TOTAL_ITEMS_MAX = 10_000

/** `total` counts at most `TOTAL_ITEMS_MAX` + 1 rows. */
export function renderPageList<Item>(
  data: Item[],
  page: { page: number; limit: number; total: number },
): PageList<Item> {
  const totalItems = Math.min(page.total, TOTAL_ITEMS_MAX)
  return {
    data,
    pagination: {
      page: page.page,
      limit: page.limit,
      total_pages: Math.ceil(totalItems / page.limit),
      total_items: totalItems,
      total_exact: page.total <= TOTAL_ITEMS_MAX,
      has_next: page.page * page.limit < page.total,
      has_previous: page.page > 1 && page.total > 0,
    },
  }
}

export function renderCursorList<Item>(data: Item[], nextCursor: string | null): CursorList<Item> {
  return { data, pagination: { next_cursor: nextCursor, has_more: nextCursor !== null } }
}
