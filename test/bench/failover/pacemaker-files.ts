//! What a node of Pacemaker and corosync is started with. Pure.

export type PacemakerTiming = 'default' | 'fast'

/** corosync.conf(5): by default 3 s and 650 ms more for the third node. */
const TOKEN_LINES = {
  default: '',
  fast: '  token: 1000\n  token_coefficient: 0\n',
} as const
/** How often Pacemaker looks whether the address is there. */
const MONITOR = '1s'

export function corosyncConf(
  hosts: readonly { readonly name: string; readonly address: string }[],
  timing: PacemakerTiming,
): string {
  const nodes = hosts.map(
    ({ name, address }, place) =>
      `  node {\n    ring0_addr: ${address}\n    name: ${name}\n    nodeid: ${place + 1}\n  }\n`,
  )
  return (
    `totem {\n  version: 2\n  cluster_name: vip\n  transport: knet\n${TOKEN_LINES[timing]}}\n` +
    `nodelist {\n${nodes.join('')}}\n` +
    'quorum {\n  provider: corosync_votequorum\n}\n' +
    'logging {\n  to_stderr: yes\n  to_syslog: no\n}\n'
  )
}

export function cibXml(vip: string): string {
  const pair = (id: string, name: string, value: string): string =>
    `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`
  return (
    '<cib validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="0"><configuration>' +
    '<crm_config><cluster_property_set id="options">' +
    pair('options', 'stonith-enabled', 'false') +
    '</cluster_property_set></crm_config><nodes/><resources>' +
    '<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">' +
    `<instance_attributes id="vip-attributes">${pair('vip', 'ip', vip)}` +
    `${pair('vip', 'cidr_netmask', '24')}${pair('vip', 'nic', 'eth0')}</instance_attributes>` +
    `<operations><op id="vip-monitor" name="monitor" interval="${MONITOR}" timeout="20s"/>` +
    '</operations></primitive></resources><constraints/></configuration><status/></cib>'
  )
}

/** In namespaces of its own: nothing of it touches the machine; it ends with its first process. */
export function nodeScript(name: string, directory: string, vip: string): string {
  return `set -e
hostname ${name}
ip addr del ${vip}/24 dev eth0 2>/dev/null || true
for each in /dev/shm /run /etc/corosync /var/lib/corosync /var/lib/pacemaker /var/log; do
  mkdir -p $each
  mount -t tmpfs none $each
done
mkdir -p /run/resource-agents /var/log/pacemaker /var/lib/pacemaker/cib /var/lib/pacemaker/cores
cp ${directory}/corosync.conf /etc/corosync/corosync.conf
cp ${directory}/cib.xml /var/lib/pacemaker/cib/cib.xml
chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker
chmod 600 /var/lib/pacemaker/cib/cib.xml
corosync -f > ${directory}/corosync.log 2>&1 &
export PCMK_logfile=${directory}/pacemaker.log
until corosync-quorumtool -s > /dev/null 2>&1; do sleep 0.2; done
pacemakerd -f > ${directory}/pacemakerd.log 2>&1
`
}
