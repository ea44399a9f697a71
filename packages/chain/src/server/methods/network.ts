import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import type { Peer } from '../p2p/peer.ts';
import { amountJson } from '../json.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';

/** The methods about peers. */
export const networkMethods: RpcCategory<RegtestNode> = {
  title: 'Network',
  methods: [
    method('getnetworkinfo', '', (node) => {
      const { minRelayFeeRate, incrementalRelayFeeRate } = node.tools.policy;
      return {
        version: node.version,
        subversion: node.subversion,
        protocolversion: 70_016,
        localservices: '0000000000000409',
        localservicesnames: ['NETWORK', 'WITNESS', 'NETWORK_LIMITED'],
        localrelay: true,
        timeoffset: 0,
        networkactive: true,
        connections: peersOf(node).length,
        connections_in: peersOf(node).filter(({ isInbound }) => isInbound).length,
        connections_out: peersOf(node).filter(({ isInbound }) => !isInbound).length,
        networks: ['ipv4', 'ipv6', 'onion', 'i2p', 'cjdns'].map((name) => ({
          name,
          limited: !name.startsWith('ip'),
          reachable: name.startsWith('ip'),
          proxy: '',
          proxy_randomize_credentials: false,
        })),
        relayfee: amountJson(minRelayFeeRate),
        incrementalfee: amountJson(incrementalRelayFeeRate),
        localaddresses: [],
        warnings: [],
      };
    }),
    method('getconnectioncount', '', (node) => peersOf(node).length),
    method('getpeerinfo', '', (node) => peersOf(node).map((peer) => peerJson(node, peer))),
    method('getnettotals', '', () => ({
      totalbytesrecv: 0,
      totalbytessent: 0,
      timemillis: Date.now(),
      uploadtarget: {
        timeframe: 86_400,
        target: 0,
        target_reached: false,
        serve_historical_blocks: true,
        bytes_left_in_cycle: 0,
        time_left_in_cycle: 0,
      },
    })),
    method('getnodeaddresses', 'count:num? network:str?', () => []),
    method('getaddednodeinfo', 'node:str?', () => []),
    method('addnode', 'node:str command:str v2transport:bool?', (node, [address, command]) => {
      if (command === 'remove')
        throw new RpcError(-24, 'Error: Node could not be removed. It has not been added previously.');
      if (command !== 'onetry' && command !== 'add')
        throw new RpcError(RpcCode.MISC, 'addnode "node" "command" ( v2transport )');
      const [, host = '', port = '18444'] = /^(.*?)(?::(\d+))?$/.exec(String(address)) ?? [];
      node.network?.connect(host, Number(port));
      return null;
    }),
    method('disconnectnode', 'address:str? nodeid:num?', (node, [address, id]) => {
      if ((address === undefined || address === '') === (id === undefined))
        throw new RpcError(RpcCode.INVALID_PARAMS, 'Only one of address and nodeid should be provided.');
      if (node.network?.disconnect((peer) => (id === undefined ? peer.address === address : peer.id === id)) !== true)
        throw new RpcError(RpcCode.CLIENT_NODE_NOT_CONNECTED, 'Node not found in connected nodes');
    }),
    method('ping', '', (node) => {
      for (const peer of peersOf(node)) peer.send('ping', new Uint8Array(8));
    }),
    method('setnetworkactive', 'state:bool', (_, [state]) => state),
    method('listbanned', '', () => []),
    method('clearbanned', '', () => null),
  ],
};

function peersOf({ network }: RegtestNode): readonly Peer[] {
  return network?.peers ?? [];
}

function peerJson(node: RegtestNode, peer: Peer): object {
  const sum = (bytes: ReadonlyMap<string, number>): number => [...bytes.values()].reduce((all, some) => all + some, 0);
  return {
    id: peer.id,
    addr: peer.address,
    addrbind: peer.bind,
    network: 'not_publicly_routable',
    services: (peer.version?.services ?? 0n).toString(16).padStart(16, '0'),
    servicesnames: [],
    relaytxes: peer.version?.relays ?? false,
    lastsend: node.now,
    lastrecv: node.now,
    last_transaction: 0,
    last_block: 0,
    bytessent: sum(peer.sent),
    bytesrecv: sum(peer.received),
    conntime: peer.connectedAt,
    timeoffset: 0,
    pingtime: 0.001,
    minping: 0.001,
    version: peer.version?.version ?? 0,
    subver: peer.version?.subversion ?? '',
    inbound: peer.isInbound,
    bip152_hb_to: false,
    bip152_hb_from: false,
    startingheight: peer.version?.height ?? -1,
    presynced_headers: -1,
    synced_headers: peer.version?.height ?? -1,
    synced_blocks: peer.version?.height ?? -1,
    inflight: [],
    addr_relay_enabled: false,
    addr_processed: 0,
    addr_rate_limited: 0,
    permissions: [],
    minfeefilter: 0,
    bytessent_per_msg: Object.fromEntries(peer.sent),
    bytesrecv_per_msg: Object.fromEntries(peer.received),
    connection_type: peer.isInbound ? 'inbound' : 'manual',
    transport_protocol_type: 'v1',
    session_id: '',
  };
}
