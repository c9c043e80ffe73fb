using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Stoa.Network.Identity;
using Stoa.Network.Negotiation;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>TLS 1.3 in which both sides show a certificate that their peer's key vouches for: <c>/tls/1.0.0</c> of libp2p.</summary>
/// <remarks>
/// No authority is asked and no chain is built: what the certificate itself proves is what counts. Sessions are not resumed, since a resumed one shows no certificate.
/// </remarks>
public sealed class TlsSecurity : ISecurityProtocol, IDisposable
{
    /// <summary>Its name in multistream-select.</summary>
    public const string Name = "/tls/1.0.0";

    private static readonly SslApplicationProtocol s_libp2p = new("libp2p");

    private readonly TimeProvider _time;
    private readonly X509Certificate2 _certificate;
    private readonly SslStreamCertificateContext _context;

    public TlsSecurity(PrivateKey identity, TimeProvider time)
    {
        _time = time;
        _certificate = TlsCertificate.Create(identity, time);
        _context = SslStreamCertificateContext.Create(_certificate, additionalCertificates: null, offline: true);
    }

    /// <inheritdoc/>
    public string Protocol => Name;

    /// <inheritdoc/>
    public async Task<SecuredStream> SecureAsync(Stream raw, bool isInitiator, PeerId? expected, CancellationToken cancellationToken)
    {
        var proof = new Proof(_time, expected);
        var secured = new SslStream(raw, leaveInnerStreamOpen: false);
        try
        {
            if (isInitiator)
                await secured.AuthenticateAsClientAsync(ToClient(proof), cancellationToken);
            else
                await secured.AuthenticateAsServerAsync(ToServer(proof), cancellationToken);
            return new SecuredStream(secured, proof.Key ?? throw new ConnectException(ConnectFault.BrokenProtocol, "The other side showed no certificate."));
        }
        catch (Exception e) when (e is AuthenticationException or ConnectException)
        {
            await secured.DisposeAsync();
            throw proof.Refusal ?? e as ConnectException ?? new ConnectException(ConnectFault.BrokenProtocol, "TLS did not come about: " + (e.InnerException ?? e).Message, e);
        }
        catch
        {
            await secured.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    private SslClientAuthenticationOptions ToClient(Proof proof) => new()
    {
        // A peer has no name to ask for.
        TargetHost = "",
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = [s_libp2p],
        ClientCertificateContext = _context,
        RemoteCertificateValidationCallback = proof.Check,
        CertificateChainPolicy = Policy(),
        AllowTlsResume = false,
        AllowRenegotiation = false,
    };

    private SslServerAuthenticationOptions ToServer(Proof proof) => new()
    {
        EnabledSslProtocols = SslProtocols.Tls13,
        ApplicationProtocols = [s_libp2p],
        ServerCertificateContext = _context,
        ClientCertificateRequired = true,
        RemoteCertificateValidationCallback = proof.Check,
        CertificateChainPolicy = Policy(),
        AllowTlsResume = false,
        AllowRenegotiation = false,
    };

    // SslStream builds a chain whether or not anybody asks: this one trusts nothing, looks nowhere and fetches nothing.
    private static X509ChainPolicy Policy() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    private sealed class Proof(TimeProvider time, PeerId? expected)
    {
        public PeerKey? Key { get; private set; }

        public ConnectException? Refusal { get; private set; }

        public bool Check(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            try
            {
                if (certificate is null)
                    throw new ConnectException(ConnectFault.BrokenProtocol, "The other side showed no certificate.");
                var encoded = certificate.GetRawCertData();
                // What came with the certificate is here, for a client with the certificate itself.
                if (chain is not null && (chain.ChainPolicy.ExtraStore.Count > 1 || chain.ChainPolicy.ExtraStore.Any(other => !other.RawDataMemory.Span.SequenceEqual(encoded))))
                    throw new ConnectException(ConnectFault.BrokenProtocol, "The other side showed more than one certificate.");
                var key = TlsCertificate.Verify(encoded, time);
                SecuredStream.ThrowIfOther(key, expected);
                Key = key;
                return true;
            }
            catch (ConnectException e)
            {
                Refusal = e;
                return false;
            }
        }
    }
}
