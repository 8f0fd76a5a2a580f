import { readRefer, SIPFRAG, sipfrag, sipfragStatus } from '../../../src/sip/dialog/refer.ts'
import { walk } from '../../harness/datadriven.ts'
import { messageFrom, requestFrom } from './messages.ts'

walk(new URL('./testdata/refer', import.meta.url).pathname, () => ({ name, words, body }) => {
  switch (name) {
    case 'refer': {
      const reading = readRefer(requestFrom(['REFER sip:pbx SIP/2.0', ...body]))
      if (reading.kind === 'refuse') return `${reading.status} ${reading.reason}`
      const { target: _, replaces, ...referral } = reading.referral
      return JSON.stringify({ ...referral, ...(replaces && { replaces }) }, undefined, 1)
    }
    case 'sipfrag': {
      const text = new TextDecoder().decode(sipfrag(Number(words[0]), words.slice(1).join(' ')))
      return `${SIPFRAG}\n${JSON.stringify(text)}`
    }
    case 'notify': {
      const lines = ['NOTIFY sip:pbx SIP/2.0', `Content-Type: ${SIPFRAG}`, '', ...body, '']
      return String(sipfragStatus(messageFrom(lines)))
    }
    default:
      return `unknown command ${name}`
  }
})
