// Passes a flow's question on to the site node of its region, and says LOCAL when that cannot be:
// a caller must not wait for us. Node.js 18 or newer, nothing to install.
//
// TANDEM_URL   where the node answers flows, with the site: https://node.internal:8401/flow/us-east-1
// TANDEM_KEY   the key of amazon.key_file (from Secrets Manager, by the function's environment)

const TIMEOUT_MS = 1800 // the flow's block should have 3 s or more; the node answers within 1.5 s

export async function handler(event) {
  try {
    const reply = await fetch(process.env.TANDEM_URL, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: 'Bearer ' + (process.env.TANDEM_KEY ?? '') },
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    const answer = await reply.json()
    if (reply.ok && ['LOCAL', 'TRANSFER', 'END'].includes(answer.action))
      return Object.fromEntries(['action', 'number', 'txn', 'queue'].map(k => [k, String(answer[k] ?? '')]))
  } catch (e) { // whatever it is: the instance goes on by itself
    console.log('tandem does not answer:', e.name)
  }
  return { action: 'LOCAL', number: '', txn: '', queue: '' }
}
