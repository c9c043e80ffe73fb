using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stoa.Network.Negotiation;
using Stoa.Network.Security;
using Stoa.Network.Tests.Muxing;
using Stoa.Primitives;

namespace Stoa.Network.Tests.Security;

/// <summary>The TLS of this library against one that does as it pleases.</summary>
public sealed class TlsSecurityTests : IDisposable
{
    private readonly PrivateKey _key = PrivateKey.Generate();
    private readonly TlsSecurity _tls;

    public TlsSecurityTests() => _tls = new TlsSecurity(_key, TimeProvider.System);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _tls.Dispose();
        _key.Dispose();
    }

    [Fact]
    public async Task Client_WithItsCertificate_IsTaken() => (await ServeAsync(Options(Certificates()))).ShouldBeNull();

    [Fact]
    public async Task Client_WithTls12_IsRefused()
    {
        var options = Options(Certificates());
        options.EnabledSslProtocols = SslProtocols.Tls12;
        (await ServeAsync(options)).ShouldNotBeNull().Fault.ShouldBe(ConnectFault.BrokenProtocol);
    }

    [Fact]
    public async Task Client_WithoutACertificate_IsRefused()
    {
        var refusal = (await ServeAsync(Options(null))).ShouldNotBeNull();
        refusal.Fault.ShouldBe(ConnectFault.BrokenProtocol);
        refusal.Message.ShouldContain("no certificate");
    }

    [Fact]
    public async Task Client_WithTwoCertificates_IsRefused()
    {
        var refusal = (await ServeAsync(Options(Certificates(isOfAnIssuer: true)))).ShouldNotBeNull();
        refusal.Fault.ShouldBe(ConnectFault.BrokenProtocol);
        refusal.Message.ShouldContain("more than one");
    }

    [Fact]
    public async Task Client_OfAnotherProtocol_IsRefused()
    {
        var options = Options(Certificates());
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        (await ServeAsync(options)).ShouldNotBeNull().Fault.ShouldBe(ConnectFault.BrokenProtocol);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls13, true)]
    public async Task Server_WithTls12OrTwoCertificates_IsRefused(SslProtocols version, bool isOfAnIssuer)
    {
        var (here, there) = DuplexPipe.Create();
        await using var server = new SslStream(there);
        var serving = server.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                EnabledSslProtocols = version,
                ServerCertificateContext = Certificates(isOfAnIssuer),
                ApplicationProtocols = [new SslApplicationProtocol("libp2p")],
            },
            Stop);

        var refusal = await Should.ThrowAsync<ConnectException>(() => _tls.SecureAsync(here, true, null, Stop));

        refusal.Fault.ShouldBe(ConnectFault.BrokenProtocol);
        if (isOfAnIssuer)
            refusal.Message.ShouldContain("more than one");
        await serving.ContinueWith(_ => { }, Stop, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private static SslClientAuthenticationOptions Options(SslStreamCertificateContext? certificates) => new()
    {
        TargetHost = "",
        EnabledSslProtocols = SslProtocols.Tls13,
        ClientCertificateContext = certificates,
        ApplicationProtocols = [new SslApplicationProtocol("libp2p")],
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
    };

    private static SslStreamCertificateContext Certificates(bool isOfAnIssuer = false)
    {
        using var identity = PrivateKey.Generate();
        if (!isOfAnIssuer)
            return SslStreamCertificateContext.Create(TlsCertificate.Create(identity, TimeProvider.System), null, offline: true);
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        var root = new CertificateRequest("CN=root", rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var rootCertificate = root.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var middle = new CertificateRequest("CN=middle", middleKey, HashAlgorithmName.SHA256);
        middle.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var middleCertificate = middle.Create(rootCertificate, now.AddDays(-1), now.AddDays(1), [1]).CopyWithPrivateKey(middleKey);
        var leaf = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.53594.1.1", TlsCertificate.EncodeSignedKey(identity, key.ExportSubjectPublicKeyInfo()), false));
        var leafCertificate = leaf.Create(middleCertificate, now.AddDays(-1), now.AddDays(1), [2]).CopyWithPrivateKey(key);
        return SslStreamCertificateContext.Create(leafCertificate, [middleCertificate, rootCertificate], offline: true);
    }

    private async Task<ConnectException?> ServeAsync(SslClientAuthenticationOptions options)
    {
        var (here, there) = DuplexPipe.Create();
        await using var client = new SslStream(there);
        var dialling = client.AuthenticateAsClientAsync(options, Stop);
        try
        {
            await _tls.SecureAsync(here, false, null, Stop);
            return null;
        }
        catch (ConnectException e)
        {
            return e;
        }
        finally
        {
            await dialling.ContinueWith(_ => { }, Stop, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }
}
