import { dialogPackage } from '../../../../roles/call-manager/events/packages/dialog-info.ts'
import { messageSummaryPackage } from '../../../../roles/call-manager/events/packages/message-summary.ts'
import type {
  EventPackage,
  ResourceView,
} from '../../../../roles/call-manager/events/packages/package.ts'
import { presencePackage } from '../../../../roles/call-manager/events/packages/presence.ts'
import { bytesOf, utf8 } from '../../../../src/sip/message/text.ts'
import { walk } from '../../../harness/datadriven.ts'
import { dialogFrom, EMPTY_MAILBOX, mailboxFrom } from './facts.ts'

const AOR = 'sip:bob@pbx.example'
const PACKAGES: Readonly<Record<string, EventPackage>> = {
  dialog: dialogPackage,
  mwi: messageSummaryPackage,
  presence: presencePackage,
}

walk(new URL('./testdata/packages', import.meta.url).pathname, () => {
  const blank: ResourceView = {
    dialogs: [],
    registered: false,
    mailbox: EMPTY_MAILBOX,
    publications: [],
  }
  let view = blank

  return ({ name, words, body, arg }) => {
    switch (name) {
      case 'reset':
        view = blank
        return 'ok'
      case 'registered':
        view = { ...view, registered: words[0] === 'yes' }
        return 'ok'
      case 'mailbox':
        view = { ...view, mailbox: mailboxFrom(words) }
        return 'ok'
      case 'dialog':
        view = { ...view, dialogs: [...view.dialogs, dialogFrom(AOR, arg)] }
        return 'ok'
      case 'published': {
        const document = bytesOf(body.join('\r\n'))
        const accepts = PACKAGES[words[0] ?? '']?.accepts
        if (accepts === undefined) return 'not published to'
        if (!accepts(document)) return 'unreadable'
        view = { ...view, publications: [document, ...view.publications] }
        return 'ok'
      }
      case 'show': {
        const document = PACKAGES[words[0] ?? '']?.compose(AOR, view, Number(words[1] ?? 0))
        return utf8(document ?? 'no such package')
          .replaceAll('><', '>\n<')
          .replaceAll('\r', '')
      }
      default:
        return `unknown command ${name}`
    }
  }
})
