using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stoa.Node.Mail;

namespace Stoa.Node.Tests.Mail;

/// <summary>Letters go by TLS to the server that was meant, and to no other one.</summary>
public sealed class MailerTlsTests : IDisposable
{
    private const string OfServers = "1.3.6.1.5.5.7.3.1";
    private const string OfClients = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset s_yesterday = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly Letter s_letter = new("ada@example.org", "Hello", "Hello.\n");

    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-mail-").FullName;
    private readonly X509Certificate2 _authority = MakeAuthority("Mail of the test");
    private readonly string _caFile;

    public MailerTlsTests()
    {
        _caFile = Path.Combine(_folder, "ca.pem");
        File.WriteAllText(_caFile, _authority.ExportCertificatePem());
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("startTls")]
    [InlineData("tls")]
    public async Task Send_ToAServerWithAGoodCertificate_SaysNothingOfTheLetterInTheClear(string security)
    {
        using var certificate = Issue(_authority, "localhost", s_yesterday, s_yesterday.AddDays(30));
        await using var server = new SmtpServer { Certificate = certificate, IsTlsFromTheStart = security == "tls", Account = "stoa:geheim" };

        await Mailer(server, security, "localhost").SendAsync(s_letter, Stop);

        (await server.TakeAsync(Stop)).To.ShouldBe("ada@example.org");
        server.SaidInTheClear.Select(line => line.Split(' ')[0]).ShouldBe(security == "tls" ? [] : ["EHLO", "STARTTLS"]);
    }

    [Theory]
    [InlineData("startTls")]
    [InlineData("tls")]
    public async Task Send_ToAServerUnderAnIntermediateOfTheAuthority_TakesWhatTheServerSendsAlong(string security)
    {
        using var intermediate = MakeAuthority("Mail of the test below", _authority);
        using var certificate = Issue(intermediate, "localhost", s_yesterday, s_yesterday.AddDays(30));
        await using var server = new SmtpServer { Certificate = certificate, Intermediates = [intermediate], IsTlsFromTheStart = security == "tls", Account = "stoa:geheim" };

        await Mailer(server, security, "localhost").SendAsync(s_letter, Stop);

        (await server.TakeAsync(Stop)).To.ShouldBe("ada@example.org");
    }

    [Theory]
    [InlineData("startTls", "stranger")]
    [InlineData("tls", "stranger")]
    [InlineData("startTls", "selfSigned")]
    [InlineData("tls", "selfSigned")]
    [InlineData("startTls", "otherName")]
    [InlineData("tls", "otherName")]
    [InlineData("startTls", "expired")]
    [InlineData("tls", "expired")]
    [InlineData("startTls", "ofAClient")]
    [InlineData("tls", "ofAClient")]
    [InlineData("tls", "underAStrangersIntermediate")]
    public async Task Send_ToAServerWithABadCertificate_SendsNeitherPasswordNorLetter(string security, string fault)
    {
        using var stranger = MakeAuthority("Somebody else");
        using var intermediate = MakeAuthority("Somebody below", stranger);
        using var certificate = fault switch
        {
            "stranger" => Issue(stranger, "localhost", s_yesterday, s_yesterday.AddDays(30)),
            "selfSigned" => MakeAuthority("localhost"),
            "otherName" => Issue(_authority, "mail.example.org", s_yesterday, s_yesterday.AddDays(30)),
            "ofAClient" => Issue(_authority, "localhost", s_yesterday, s_yesterday.AddDays(30), OfClients),
            "underAStrangersIntermediate" => Issue(intermediate, "localhost", s_yesterday, s_yesterday.AddDays(30)),
            _ => Issue(_authority, "localhost", s_yesterday, s_yesterday.AddHours(2)),
        };
        await using var server = new SmtpServer
        {
            Certificate = certificate,
            // A root that a server sends along is none that is trusted.
            Intermediates = fault == "underAStrangersIntermediate" ? [intermediate, stranger] : [],
            IsTlsFromTheStart = security == "tls",
            Account = "stoa:geheim",
        };

        var refused = await Should.ThrowAsync<MailException>(() => Mailer(server, security, "localhost").SendAsync(s_letter, Stop));

        refused.IsForGood.ShouldBeFalse("the operator mends it, and the letter goes out");
        server.Attempts.ShouldBe(0);
        server.SaidInTheClear.ShouldAllBe(line => !line.StartsWith("AUTH", StringComparison.Ordinal) && !line.Contains('@'));
    }

    [Theory]
    [InlineData("startTls")]
    [InlineData("tls")]
    public async Task Send_WithTheSystemsAuthorities_TakesNoCertificateOfATest(string security)
    {
        using var certificate = Issue(_authority, "localhost", s_yesterday, s_yesterday.AddDays(30));
        await using var server = new SmtpServer { Certificate = certificate, IsTlsFromTheStart = security == "tls" };

        await Should.ThrowAsync<MailException>(() => new Mailer(Options(server, security, "localhost") with { CaFile = "" }).SendAsync(s_letter, Stop));

        server.Attempts.ShouldBe(0);
    }

    [Fact]
    public void Options_WithAFileThatHasNoAuthorities_AreRefused()
    {
        var empty = Path.Combine(_folder, "empty.pem");
        File.WriteAllText(empty, "nothing");

        foreach (var file in new[] { empty, Path.Combine(_folder, "missing.pem") })
            new MailOptions { CaFile = file }.Validate().ShouldHaveSingleItem().ShouldContain("Mail:CaFile");
        new MailOptions { CaFile = _caFile }.Validate().ShouldBeEmpty();
    }

    private Mailer Mailer(SmtpServer server, string security, string host) => new(Options(server, security, host));

    private MailOptions Options(SmtpServer server, string security, string host) => new()
    {
        Host = host,
        Port = server.Port,
        Security = security,
        From = "stoa@example.org",
        User = server.Account is null ? "" : "stoa",
        Password = server.Account is null ? "" : "geheim",
        CaFile = _caFile,
    };

    /// <summary>A root, or an authority under another one.</summary>
    private static X509Certificate2 MakeAuthority(string name, X509Certificate2? above = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(NamesOf("localhost"));
        if (above is null)
            return request.CreateSelfSigned(s_yesterday.AddDays(-1), s_yesterday.AddDays(60));
        using var issued = request.Create(above, s_yesterday.AddDays(-1), s_yesterday.AddDays(60), RandomNumberGenerator.GetBytes(12));
        return issued.CopyWithPrivateKey(key);
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string name, DateTimeOffset from, DateTimeOffset until, string purpose = OfServers)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], critical: false));
        request.CertificateExtensions.Add(NamesOf(name));
        using var issued = request.Create(authority, from, until, RandomNumberGenerator.GetBytes(12));
        using var whole = issued.CopyWithPrivateKey(key);
        // Without its way through PKCS#12 the key is one that a server's TLS does not take on every system.
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }

    private static X509Extension NamesOf(string name)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        if (name == "localhost")
            names.AddIpAddress(IPAddress.Loopback);
        return names.Build();
    }
}
