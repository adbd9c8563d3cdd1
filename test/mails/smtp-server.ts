import { createServer, type Socket } from 'node:net'

/** A mail server as an outside party: it has its own ledger, and refuses whom it is told to. */
export type SmtpServer = {
  url: string
  /** Every mail that was taken: who got it, and the text as it was sent. */
  taken: { recipients: string[]; text: string }[]
  /** Addresses that are refused for good (550), and for now (450). */
  refuse: { forGood: Set<string>; forNow: Set<string> }
  close(): Promise<void>
}

/** Speaks as much SMTP as a client needs to send. */
export async function startSmtpServer(): Promise<SmtpServer> {
  const taken: SmtpServer['taken'] = []
  const refuse: SmtpServer['refuse'] = { forGood: new Set(), forNow: new Set() }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let recipients: string[] = []
    let text: string | null = null
    let rest = ''
    const say = (line: string) => socket.write(`${line}\r\n`)
    const obey = (line: string) => {
      if (text !== null) {
        if (line !== '.') {
          text += `${line}\n`
          return
        }
        taken.push({ recipients, text })
        recipients = []
        text = null
        say('250 taken')
        return
      }
      const address = /<(.*)>/.exec(line)?.[1] ?? ''
      if (/^RCPT/i.test(line)) {
        if (refuse.forGood.has(address)) say('550 no such mailbox')
        else if (refuse.forNow.has(address)) say('450 try later')
        else {
          recipients.push(address)
          say('250 ok')
        }
      } else if (/^DATA/i.test(line)) {
        text = ''
        say('354 go on')
      } else if (/^QUIT/i.test(line)) {
        say('221 bye')
        socket.end()
      } else say('250 ok')
    }
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) obey(line)
    })
    socket.on('error', () => sockets.delete(socket))
    socket.on('close', () => sockets.delete(socket))
    say('220 ready')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    taken,
    refuse,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
