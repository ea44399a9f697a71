/**
 * A range proof that a network of thousands of nodes accepted: Bulletproofs+ over four outputs of 64 bits, from Monero's
 * transaction 2f650db5bafd37ce8982f37ee443f2ecf0a8f08f639591583aecb6cd74d5a80c. Published facts of a public chain, as
 * listed in the test data of serai-dex/serai, coins/monero/src/tests/vectors/transactions.json.
 */
export const moneroProof = {
  commitments: [
    '9c4bc6ac562b6859a40ad8f3bc85ca35c98badb4b4c5d43832f330d6fedb08e8',
    'f9e2acd339c648bf03957cb02aa69b8ab15326e3bbe1ce35df677306edabd89e',
    '5635f226a743068500e25028fbdbf1ea19d0921a27c8baec842b753080f407ee',
    '4b9a87f2c525e9bfb61fb4d14187c0577e799bf20e53a86359cb75f40ee4d291',
  ],
  a: '7c2b59e7278c94b6296dee9ac65ed5ccf61a77ba4f1b3edfb13c5d02748763b2',
  a1: '3a6bac2f6a891b474d55b625030b35f9b7b564e747afd4cb8e1ce830a9bc59fd',
  b: '6e146443965494f94a8433de054080fcb71f8d48803598cc91db3c7b3fd190ea',
  r: '8ff5f67980a63de4cb9cd06568a9b27aa994992bc33d70990225acb09faf6806',
  s: '6aa27c1118c685cb8f3516c3b664450fabdced384de01650d6455287bc0f210a',
  delta: 'aa5c173c491844155736a64d7cbdda79f0c8a5ccc07d187ca112664a0e6eb500',
  left: [
    '7178983179f1ba2ffb030d577638001b58f5e621b4723e5b0bd0853fb430113d',
    '03efd026660a18a23c7582e9788f770212b604759aa242b35b3ca4a835bb1888',
    '1c8593ac4247ba51ea95946cf079721588bac494f563a687fe1010818caa9458',
    '3969b0f4a4a40eeee395cbb7881a53d98cad51b1e5d12c7071a7424b4c534e32',
    'c53a31b11e6151edd0a13ef9695021bff9bd4c62df9a62d9e0fbd01e750d0b6a',
    'bc56cc96d55ef06f6428b42fc63f6610633ecf023211e64a1ff89dcabfeeb4b9',
    '38e64312dcc849929e8d4a290eff601e06dc65141665d7b312ac1f0f859a00fd',
    '6d6ccf7dc695e7ae3cf44bed1d9c8659ee3451dd3498f462912ba881a473c9bc',
  ],
  right: [
    '66e4fb33114b2ef7c25869f9cc3c40a06fc2407e2c678126ff1c38a35c5c949b',
    'c219fb33ba15730510c41554c727d5adfce33a518148234e0aa5411cb20c115e',
    '749792ad47ee19e9f1544dba61593d95cb98d4720a8ae6e60146416d673e5707',
    'c3de31d91043422ab848d4676a6845ced6e7075c5a09bc8b4e0ad706c8c07bda',
    '527a7325771438e04f37517f3ca5262ef2ddfc9e13db988a90c50be5422a83ad',
    '75b93f4faae980d6e6a3abfd0e96387121101afaf55f425dc876d9a8735c1e29',
    'd823e19fee5e502c18d16ec9225f232cfbc3dcd143aaa1904f42e880b612beee',
    'a3e5a745a7f32e6b2135a75f71117e2947c99647f14702417a9a76f6130b5d62',
  ],
} as const;

/**
 * Another of Monero's, over two outputs, from the tests of Trezor's firmware (trezor/trezor-firmware,
 * core/tests/test_apps.monero.bulletproof.py, `bproof_plus_2`). Its commitments come as the proof has them, divided by 8;
 * with another `A` the same tests have it as a proof that must be refused.
 */
export const trezorProof = {
  commitments: [
    'e0dae61095ac728a15d4d9754f1f9f956c22d4fa2deee2c0ff1def031b083e02',
    '5b424ecb1f8ea02351d324296a34a0608ecc104610feaad06e6002f61992bfe1',
  ],
  a: '6ae6f16a6b01cf494fb2cf368573365293f76c624cfc11152d648479238e9319',
  a1: '33ad318a44df6f14a945e6d051911ab9a24841457d15d62bd1436fb3edc8a193',
  b: '5f56531cb8e78dbb3450f1d599a6d4c7f5e4c04ee3e7015643c19a528bcbb109',
  r: '40ad8a9c6b3bdd95c7fb8605e50135050e64f1ce29d1c4b37b1271e658354500',
  s: 'aed959c770499134aaa7e099f566dac56ee12959d797b62a3d8d1037b790b806',
  delta: '395a1e8d3df8e90e716fdeaa493090782c8db922337d09a36b50c1f02cd8e100',
  left: [
    'ed2d768bb9c8b5a9fa24c90b5831d3cceb3e78cef45eba90e52f89a2b3c859d2',
    '7f25cc8e211783e9c1b80dd13ee286943da0ec07bd33291536639432758f6927',
    '7bae3d31f4e2a6d78d74d2bcb6d0656e4222161423d635f7ce08805e96cec83e',
    'c87f949f70cf569c4baa332612305733fd19a2262490c55ec88c16a68d7b5e7d',
    '34d06caf0d02129ebcc8bf318da8f6a0ddfaf2c7cb85f4144726561cefc86dcd',
    'ab3effd3a2706591774e013c76f5b8ece9e58abf7efc0a11b479f9d2a89d0c55',
    'ebf8d34e6643533bf73b13d2dd56aeaf2113fb3017d39bc6db6a2f71bc1d53f1',
  ],
  right: [
    '27e146e61e88944246dcd90ddb4284923c7fdc6fd6a187ed2efa3dcb8c380346',
    'fab99152d48d835b9a01cdbec46301db0f57ca091f6cbaa0b45c8498f18babe1',
    '8467f87acd7be026a27ed798cca6cc1526b0f805ac534a9c5162a9cd75460011',
    'f421fa4bda1dba042ca56c6bdce313dc8d18cee084d722af47447ce54b6ff8df',
    '8dd5dabc0ad67c83f42668e96bf5ee6741bcd8e661eda1e8ce6a23d84cf0b5b5',
    'fcf20a7775699b0456542930b2374b233fb3f8f79e1911428157631a20b3c3ad',
    '66e477bd93dabb184e2738829320bf8e60f6b4b476ca0fbc1013af28e8de34c1',
  ],
} as const;

/** The `A` of the same that must be refused. */
export const trezorWrongA = '6ae6f16a6b01cf494fb2cf368573365293f76c624cfc11152d648479238e9309';
