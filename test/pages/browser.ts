/** What a person's browser does with the pages: keeps the cookie, follows nothing by itself. */
export type Browser = {
  get(path: string, headers?: Record<string, string>): Promise<Page>
  submit(
    path: string,
    form: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Page>
  cookie: string | null
}

export type Page = {
  status: number
  headers: Headers
  /** As text; a PDF has its bytes. */
  text: string
  bytes: Buffer
}

export function openBrowser(url: string): Browser {
  const read = async (response: Response): Promise<Page> => {
    const set = response.headers.get('set-cookie')
    if (set !== null) {
      const [pair = ''] = set.split(';')
      browser.cookie = pair.endsWith('=') ? null : pair
    }
    const bytes = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: response.headers, text: bytes.toString(), bytes }
  }
  const cookies = () => (browser.cookie === null ? {} : { Cookie: browser.cookie })
  const browser: Browser = {
    cookie: null,
    async get(path, headers = {}) {
      const init = { headers: { ...cookies(), ...headers }, redirect: 'manual' } as const
      return read(await fetch(`${url}${path}`, init))
    },
    async submit(path, form, headers = {}) {
      return read(
        await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { ...cookies(), Origin: url, 'Sec-Fetch-Site': 'same-origin', ...headers },
          body: new URLSearchParams(form),
          redirect: 'manual',
        }),
      )
    },
  }
  return browser
}

/** A browser that is signed in to the finance pages. */
export async function signIn(url: string, key: string): Promise<Browser> {
  const browser = openBrowser(url)
  const page = await browser.submit('/finance/sign-in', { key, to: '/finance' })
  if (page.status !== 303) throw new Error(`Signing in answered ${page.status}`)
  return browser
}
