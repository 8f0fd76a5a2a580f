import { walk } from '../../../harness/datadriven.ts'
import { officeScript } from '../events/office-script.ts'

walk(new URL('./testdata/ladder', import.meta.url).pathname, officeScript)
