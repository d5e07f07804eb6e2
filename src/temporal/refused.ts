import type { Config } from '../config.js';

const NO_CERTIFICATE = 'it asks for a client certificate: set TEMPORAL_TLS_CERT_FILE and TEMPORAL_TLS_KEY_FILE';

/** What TLS says when a connection is refused, and what there is to do. Sources: rustls' names of alerts and errors. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/CertificateRequired/, NO_CERTIFICATE],
  [
    /alert: (UnknownCA|BadCertificate|DecryptError|CertificateUnknown|AccessDenied|UnsupportedCertificate)/,
    'it does not take the certificate of TEMPORAL_TLS_CERT_FILE: another authority may have to sign it',
  ],
  [/alert: Certificate(Expired|Revoked)/, 'the certificate of TEMPORAL_TLS_CERT_FILE has expired or was revoked'],
  [
    /UnknownIssuer|BadSignature|CaUsedAsEndEntity/,
    'its certificate is of an authority that TEMPORAL_TLS_CA_FILE does not hold',
  ],
  [
    /NotValidForName/,
    'its certificate is for another name than that of TEMPORAL_ADDRESS: set TEMPORAL_TLS_SERVER_NAME to a name in it',
  ],
  [/InvalidCertificate\((Expired|NotValidYet)/, 'its certificate has expired, or a clock is wrong'],
  [/PrivateKeyParseError|CertificateParseError/, 'TEMPORAL_TLS_CERT_FILE or TEMPORAL_TLS_KEY_FILE is not PEM'],
  [/KeyMismatch/, 'TEMPORAL_TLS_KEY_FILE is not the key of the certificate in TEMPORAL_TLS_CERT_FILE'],
  [/InvalidContentType|InvalidMessage/, 'it does not speak TLS: take TEMPORAL_TLS_* and TEMPORAL_API_KEY away'],
];

/** Somebody was there: otherwise the connection itself fails, and `ConnectError` is named. */
const ACCEPTED_AND_ENDED = /transport error(?!.*ConnectError)|hyper::Error\(Canceled/s;

/**
 * The error of a connection to Temporal that could not be made, with what to do about it where TLS is the reason. The
 * native part's own words are kept behind it.
 */
export function refused(error: unknown, { temporal }: Pick<Config, 'temporal'>): unknown {
  if (!(error instanceof Error)) return error;
  const { tls, apiKey, address } = temporal;
  const isPlain = !apiKey && !tls.caFile && !tls.certFile && !tls.serverName;
  const advice = (isPlain ? undefined : ADVICE.find(([said]) => said.test(error.message))?.[1]) ?? whyEnded();
  return advice ? new Error(`no connection to Temporal at ${address}: ${advice}`, { cause: error }) : error;

  function whyEnded(): string | undefined {
    if (!ACCEPTED_AND_ENDED.test((error as Error).message)) return undefined;
    if (isPlain) return 'it ended the connection: if it speaks TLS only, set TEMPORAL_TLS_CA_FILE';
    if (tls.certFile) return 'it ended the connection: it may not take the certificate of TEMPORAL_TLS_CERT_FILE';
    // Its alert may be lost when it closes at once.
    return apiKey ? undefined : `it ended the connection: perhaps ${NO_CERTIFICATE}`;
  }
}
