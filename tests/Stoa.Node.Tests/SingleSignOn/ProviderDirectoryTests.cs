using System.Net;
using System.Text.Json;
using Microsoft.IdentityModel.Protocols;
using Stoa.Market.SingleSignOn;
using Stoa.Node.SingleSignOn;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>What is fetched from providers, and what is not.</summary>
public sealed class ProviderDirectoryTests : IAsyncLifetime
{
    private const string Discovery = "/.well-known/openid-configuration";

    private static readonly SingleSignOnOptions s_open = new() { AllowHttp = true, AllowPrivateAddresses = true };

    private readonly SettableTime _clock = new(DateTimeOffset.UtcNow);
    private FakeProvider _provider = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _provider = await FakeProvider.StartAsync();

    public ValueTask DisposeAsync() => _provider.DisposeAsync();

    [Fact]
    public async Task Documents_AreKeptForAnHour_AndFetchedOnceForManyAtOnce()
    {
        using var http = Http(s_open);
        var directory = new ProviderDirectory(http, s_open, _clock);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => directory.GetAsync(_provider.Issuer, Stop)));
        _clock.Advance(TimeSpan.FromMinutes(59));
        await directory.GetAsync(_provider.Issuer, Stop);
        _provider.Requests[Discovery].ShouldBe(1);
        _clock.Advance(TimeSpan.FromMinutes(2));
        await directory.GetAsync(_provider.Issuer, Stop);
        _provider.Requests[Discovery].ShouldBe(2);
    }

    [Fact]
    public async Task Keys_ThatWereRotated_AreFetchedOnce_AndUnknownOnesMakeNoFlood()
    {
        using var http = Http(s_open);
        var directory = new ProviderDirectory(http, s_open, _clock);
        var tokens = new IdTokens(directory, _clock);
        var provider = new IdentityProvider(default, _provider.Issuer, FakeProvider.ClientId, ["example.org"], false, null, new Dictionary<string, Market.Identity.OrganisationRole>(), [], default);
        (await ReadAsync()).ShouldBe("subject-1");
        _clock.Advance(TimeSpan.FromMinutes(2));
        _provider.Rotate();

        (await ReadAsync()).ShouldBe("subject-1");
        _provider.Requests["/keys"].ShouldBe(2);
        _provider.Rotate();
        await Should.ThrowAsync<ProviderException>(ReadAsync);
        await Should.ThrowAsync<ProviderException>(ReadAsync);
        _provider.Requests["/keys"].ShouldBe(2, "not again within a minute");
        _clock.Advance(TimeSpan.FromMinutes(1));
        (await ReadAsync()).ShouldBe("subject-1");
        _provider.Requests["/keys"].ShouldBe(3);

        async Task<string?> ReadAsync()
        {
            var now = _clock.GetUtcNow().ToUnixTimeSeconds();
            var token = _provider.SignHonestly(new()
            {
                ["iss"] = _provider.Issuer,
                ["sub"] = "subject-1",
                ["aud"] = FakeProvider.ClientId,
                ["iat"] = now,
                ["exp"] = now + 60,
                ["nonce"] = "n",
            });
            return (await tokens.ReadAsync(provider, token, "n", Stop)).GetProperty("sub").GetString();
        }
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::1")]
    [InlineData("169.254.169.254")]
    [InlineData("10.0.0.1")]
    public async Task Name_ThatResolvesToAPrivateAddress_IsNotConnectedTo(string address)
    {
        using var http = Http(s_open with { AllowPrivateAddresses = false }, IPAddress.Parse(address));

        (await RefusedAsync(http, $"http://innocent.example:{new Uri(_provider.Issuer).Port}", s_open with { AllowPrivateAddresses = false })).ShouldContain("public internet");
        _provider.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("token_endpoint")]
    [InlineData("authorization_endpoint")]
    [InlineData("jwks_uri")]
    public async Task Address_InADiscoveryDocument_ThatIsPrivate_IsNotUsed(string member)
    {
        var options = new SingleSignOnOptions();
        const string issuer = "https://login.example";
        var document = new Dictionary<string, string>
        {
            ["issuer"] = issuer,
            ["token_endpoint"] = issuer + "/token",
            ["authorization_endpoint"] = issuer + "/authorize",
            ["jwks_uri"] = issuer + "/keys",
        };
        document[member] = $"https://127.0.0.1:{new Uri(_provider.Issuer).Port}/keys";
        using var http = Http(options);
        var documents = new PublishedDocuments(http, new()
        {
            [issuer + Discovery] = JsonSerializer.Serialize(document),
            [issuer + "/keys"] = """{"keys":[{"kty":"RSA","kid":"1","e":"AQAB","n":"%"}]}"""
                .Replace("%", System.Buffers.Text.Base64Url.EncodeToString(_provider.Key.ExportParameters(false).Modulus), StringComparison.Ordinal),
        });

        var refused = await Should.ThrowAsync<ProviderException>(() => new ProviderDirectory(documents, options, _clock).GetAsync(issuer, Stop));

        refused.Message.ShouldContain(member == "jwks_uri" ? "may not be used from here" : member);
        _provider.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Redirect_IsNotFollowed()
    {
        await using var other = await FakeProvider.StartAsync();
        using var http = Http(s_open);
        var moved = await Webhooks.WebhookReceiver.StartAsync();
        await using (moved)
        {
            moved.Answers.Enqueue(302);
            moved.Location = other.Issuer + Discovery;

            (await RefusedAsync(http, moved.Url, s_open)).ShouldContain("redirects are not followed");
            other.Requests.ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task Document_ThatIsHuge_IsCutOff()
    {
        _provider.AlterDiscovery = document => document["padding"] = new string('x', ProviderHttp.AnswerBytesMax);
        using var http = Http(s_open);

        (await RefusedAsync(http, _provider.Issuer, s_open)).ShouldContain("262144 bytes");
    }

    [Fact]
    public async Task Provider_ThatDoesNotAnswer_IsLeft_AndNotAskedByEachWhoWaits()
    {
        var silence = new TaskCompletionSource();
        _provider.MayAnswer = silence.Task;
        var options = s_open with { TimeoutMs = 3_000 };
        using var http = Http(options);
        var directory = new ProviderDirectory(http, options, _clock);

        var asking = Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Should.ThrowAsync<ProviderException>(() => directory.GetAsync(_provider.Issuer, Stop))));
        await Eventually.IsSoAsync(() => _provider.Requests.ContainsKey(Discovery));
        // To be given up takes longer than the pause that follows.
        _clock.Advance(TimeSpan.FromSeconds(10));
        var failures = await asking;

        failures.ShouldAllBe(failure => failure.Message.Contains("within 3000 ms"));
        _provider.Requests[Discovery].ShouldBe(1);
        silence.SetResult();
        _clock.Advance(TimeSpan.FromSeconds(6));
        (await directory.GetAsync(_provider.Issuer, Stop)).Issuer.ShouldBe(_provider.Issuer);
    }

    [Fact]
    public async Task Document_OfAnotherIssuer_OrWithoutKeys_IsNotUsed()
    {
        using var http = Http(s_open);
        _provider.AlterDiscovery = document => document["issuer"] = _provider.Issuer + "/";
        (await RefusedAsync(http, _provider.Issuer, s_open)).ShouldContain("slash");

        _provider.AlterDiscovery = _ => { };
        _provider.AlterKeys = keys => keys.Clear();
        (await RefusedAsync(http, _provider.Issuer, s_open)).ShouldContain("no key");
        using var small = System.Security.Cryptography.RSA.Create(1024);
        _provider.AlterKeys = keys => keys[0]["n"] = System.Buffers.Text.Base64Url.EncodeToString(small.ExportParameters(false).Modulus);
        (await RefusedAsync(http, _provider.Issuer, s_open)).ShouldContain("2048 bits");
        _provider.AlterKeys = keys => keys[0]["n"] = 7;
        (await RefusedAsync(http, _provider.Issuer, s_open)).ShouldContain("cannot be read");
        _provider.AlterDiscovery = document => document["jwks_uri"] = _provider.Issuer + "/nothing";
        (await RefusedAsync(http, _provider.Issuer, s_open)).ShouldContain("404");
    }

    private async Task<string> RefusedAsync(ProviderHttp http, string issuer, SingleSignOnOptions options) =>
        (await Should.ThrowAsync<ProviderException>(() => new ProviderDirectory(http, options, _clock).GetAsync(issuer, Stop))).Message;

    private static ProviderHttp Http(SingleSignOnOptions options, params IPAddress[] addresses) => new(options, (_, _) => Task.FromResult(addresses));

    /// <summary>Documents of the public internet, as far as the node can see; what is not among them is asked for as ever.</summary>
    private sealed class PublishedDocuments(ProviderHttp others, Dictionary<string, string> documents) : IDocumentRetriever
    {
        public Task<string> GetDocumentAsync(string address, CancellationToken cancel) =>
            documents.TryGetValue(address, out var text) ? Task.FromResult(text) : others.GetDocumentAsync(address, cancel);
    }
}
