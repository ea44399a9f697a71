import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { amountJson } from '../json.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';

/** The methods about peers: there are none, and that is what they say. */
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
        connections: 0,
        connections_in: 0,
        connections_out: 0,
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
    method('getconnectioncount', '', () => 0),
    method('getpeerinfo', '', () => []),
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
    method('addnode', 'node:str command:str v2transport:bool?', (_, [, command]) => {
      if (command === 'onetry' || command === 'add') return null;
      if (command === 'remove')
        throw new RpcError(-24, 'Error: Node could not be removed. It has not been added previously.');
      throw new RpcError(RpcCode.MISC, 'addnode "node" "command" ( v2transport )');
    }),
    method('disconnectnode', 'address:str? nodeid:num?', () => {
      throw new RpcError(RpcCode.CLIENT_NODE_NOT_CONNECTED, 'Node not found in connected nodes');
    }),
    method('ping', '', () => null),
    method('setnetworkactive', 'state:bool', (_, [state]) => state),
    method('listbanned', '', () => []),
    method('clearbanned', '', () => null),
  ],
};
