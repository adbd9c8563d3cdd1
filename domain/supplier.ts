/** A call that takes longer would hold a worker's place from the others. */
export const SUPPLIER_CALL_SECONDS_MAX = 30

export const SUPPLIER_NAME_CHARACTERS_MAX = 100
