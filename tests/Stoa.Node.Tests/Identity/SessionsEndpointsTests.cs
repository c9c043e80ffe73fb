using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.IdentityModel.Tokens;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Identity;

/// <summary>Sign-ins over HTTP: refreshed, listed, ended, and what of their tokens is taken.</summary>
public sealed class SessionsEndpointsTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private const string Password = "correct horse battery";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    [Fact]
    public async Task Session_IsRefreshed_AndTheOldAccessTokenStaysGoodUntilItsEnd()
    {
        var first = await SignInAsync(Node, "refresher");

        var second = await RefreshAsync(Node, first.RefreshToken);

        (second.SessionId, second.User.Handle).ShouldBe((first.SessionId, "refresher"));
        second.RefreshToken.ShouldNotBe(first.RefreshToken);
        (second.ExpiresAt - DateTimeOffset.UtcNow).ShouldBeInRange(TimeSpan.FromMinutes(13), TimeSpan.FromMinutes(15));
        foreach (var token in new[] { first.Token, second.Token })
            (await GetMeAsync(Node, token)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task RefreshTokenThatIsUsedLate_EndsTheSession_AndItsAccessTokensAtOnce()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock }, "--identity:credentialCacheSeconds", "300");
        var first = await SignInAsync(node, "ada");
        var second = await RefreshAsync(node, first.RefreshToken);
        (await GetMeAsync(node, second.Token)).ShouldBe(HttpStatusCode.OK);

        clock.Advance(TimeSpan.FromSeconds(30));
        (await RefreshAsync(node, first.RefreshToken)).RefreshToken.ShouldBe(second.RefreshToken, "an answer that was lost is given once more");
        clock.Advance(TimeSpan.FromMilliseconds(1001));
        var refused = await RefusedRefreshAsync(node, first.RefreshToken);

        refused.ShouldBe("refreshTokenReused");
        (await GetMeAsync(node, second.Token)).ShouldBe(HttpStatusCode.Unauthorized);
        (await RefusedRefreshAsync(node, second.RefreshToken)).ShouldBe("sessionEnded");
    }

    [Fact]
    public async Task ThiefAndOwnerWhoBothGoOn_AreFoundOut()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock });
        var owner = await SignInAsync(node, "ada");
        var thief = await RefreshAsync(node, owner.RefreshToken);
        owner = await RefreshAsync(node, owner.RefreshToken);

        clock.Advance(TimeSpan.FromMinutes(14));
        thief = await RefreshAsync(node, thief.RefreshToken);
        clock.Advance(TimeSpan.FromMinutes(1));

        (await RefusedRefreshAsync(node, owner.RefreshToken)).ShouldBe("refreshTokenReused");
        (await RefusedRefreshAsync(node, thief.RefreshToken)).ShouldBe("sessionEnded");
    }

    [Fact]
    public async Task RefreshesAtOnce_AllGetTheSameToken()
    {
        var session = await SignInAsync(Node, "busy");

        var refreshed = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => RefreshAsync(Node, session.RefreshToken)));

        refreshed.Select(one => one.RefreshToken).Distinct().Count().ShouldBe(1);
        (await RefreshAsync(Node, refreshed[0].RefreshToken)).SessionId.ShouldBe(session.SessionId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("stoar_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public async Task AnythingElse_IsNoRefreshToken(string text) => (await RefusedRefreshAsync(Node, text)).ShouldBe("refreshTokenInvalid");

    [Fact]
    public async Task RefreshToken_IsNoAccessToken()
    {
        var session = await SignInAsync(Node, "mixer");

        (await GetMeAsync(Node, session.RefreshToken)).ShouldBe(HttpStatusCode.Unauthorized);
        (await RefusedRefreshAsync(Node, session.Token)).ShouldBe("refreshTokenInvalid");
    }

    [Fact]
    public async Task Sessions_AreListedWithTheirPrograms_AndEndedOneByOne()
    {
        var here = await SignInAsync(Node, "lister", "stoa-cli");
        var there = await SignInAgainAsync(Node, "lister", "browser/1");
        using var client = Node.NewClient(here.Token);

        var listed = await RunningNode.ReadAsync<ListResponse<ListedSessionResponse>>(await client.GetAsync("/api/v1/sessions", Stop));
        listed.Items.Select(session => (session.Id, session.Device, session.IsCurrent)).ShouldBe([(there.SessionId, "browser/1", false), (here.SessionId, "stoa-cli", true)]);

        (await client.DeleteAsync($"/api/v1/sessions/{there.SessionId}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await GetMeAsync(Node, there.Token)).ShouldBe(HttpStatusCode.Unauthorized);
        (await RefusedRefreshAsync(Node, there.RefreshToken)).ShouldBe("sessionEnded");
        using var again = await client.DeleteAsync($"/api/v1/sessions/{there.SessionId}", Stop);
        (await RunningNode.ReadProblemAsync(again)).Code.ShouldBe("sessionUnknown");
        (await GetMeAsync(Node, here.Token)).ShouldBe(HttpStatusCode.OK);

        (await client.DeleteAsync("/api/v1/sessions/current", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await GetMeAsync(Node, here.Token)).ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Session_OfSomebodyElse_IsNotFound()
    {
        var victim = await SignInAsync(Node, "victim");
        using var mallory = Node.NewClient((await SignInAsync(Node, "mallory2")).Token);

        using var response = await mallory.DeleteAsync($"/api/v1/sessions/{victim.SessionId}", Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await GetMeAsync(Node, victim.Token)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task SignOutEverywhere_EndsAllSessions_AndLeavesKeysAndOthersAlone()
    {
        var (one, two, other) = (await SignInAsync(Node, "leaver"), await SignInAgainAsync(Node, "leaver"), await SignInAsync(Node, "stayer"));
        using var client = Node.NewClient(one.Token);
        var key = await RunningNode.ReadAsync<ApiKeyResponse>(await client.PostAsJsonAsync("/api/v1/api-keys", new { name = "k" }, Stop));

        (await client.DeleteAsync("/api/v1/sessions", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await GetMeAsync(Node, one.Token)).ShouldBe(HttpStatusCode.Unauthorized);
        (await GetMeAsync(Node, two.Token)).ShouldBe(HttpStatusCode.Unauthorized);
        (await GetMeAsync(Node, other.Token)).ShouldBe(HttpStatusCode.OK);
        (await GetMeAsync(Node, key.Secret!)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task PublishedKey_ChecksATokenByItself()
    {
        var token = (await SignInAsync(Node, "checked")).Token.Split('.');

        using var response = await Node.Anonymous.GetAsync("/.well-known/jwks.json", Stop);
        var key = (await RunningNode.ReadAsync<KeySetResponse>(response)).Keys.Single(key => key.Kid == (string?)Part(token[0])["kid"]);

        response.Headers.CacheControl!.ToString().ShouldBe("public, max-age=300");
        ((string?)Part(token[0])["alg"], (string?)Part(token[0])["typ"], key.Alg, key.Use).ShouldBe(("ES256", "at+jwt", "ES256", "sig"));
        using var ecdsa = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Base64UrlEncoder.DecodeBytes(key.X), Y = Base64UrlEncoder.DecodeBytes(key.Y) },
        });
        ecdsa.VerifyData(Encoding.ASCII.GetBytes($"{token[0]}.{token[1]}"), Base64UrlEncoder.DecodeBytes(token[2]), HashAlgorithmName.SHA256).ShouldBeTrue();
    }

    /// <summary>Tokens that a node must not take, each made from a good one.</summary>
    [Fact]
    public async Task TokenThatWasChanged_IsRefused()
    {
        var session = await SignInAsync(Node, "forger");
        var other = await SignInAsync(Node, "forged");
        var parts = session.Token.Split('.');
        var key = (await RunningNode.ReadAsync<KeySetResponse>(await Node.Anonymous.GetAsync("/.well-known/jwks.json", Stop))).Keys[0];
        string[] bad =
        [
            $"{parts[0]}.{other.Token.Split('.')[1]}.{parts[2]}",
            $"{Header("none", key.Kid)}.{parts[1]}.",
            // The public key taken for the secret of an HMAC.
            Hmac($"{Header("HS256", key.Kid)}.{parts[1]}", Base64UrlEncoder.DecodeBytes(key.X)),
            $"{Header("ES256", "unheard-of")}.{parts[1]}.{parts[2]}",
            Signed($"{Header("ES256", key.Kid)}.{parts[1]}"),
            $"{parts[0]}.{parts[1]}.{new string('A', 86)}",
            $"{parts[0]}.{parts[1]}",
        ];

        foreach (var token in bad)
            (await GetMeAsync(Node, token)).ShouldBe(HttpStatusCode.Unauthorized, token);
        (await GetMeAsync(Node, session.Token)).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task TokenOfAnotherPurpose_SignedByTheSameKey_IsRefused()
    {
        var session = await SignInAsync(Node, "purposeful");
        var payload = session.Token.Split('.')[1];
        var signer = (ECDsaSecurityKey)(await Node.Service<SigningKeys>().GetSignerAsync(Stop)).Key;
        string With(string type)
        {
            var header = Base64UrlEncoder.Encode($$"""{"alg":"ES256","kid":"{{signer.KeyId}}","typ":"{{type}}"}""");
            var signature = signer.ECDsa.SignData(Encoding.ASCII.GetBytes($"{header}.{payload}"), HashAlgorithmName.SHA256);
            return $"{header}.{payload}.{Base64UrlEncoder.Encode(signature)}";
        }

        (await GetMeAsync(Node, With("at+jwt"))).ShouldBe(HttpStatusCode.OK);
        (await GetMeAsync(Node, With("JWT"))).ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Tokens_OutliveARestart()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;
        try
        {
            SessionResponse session;
            await using (var node = await RunningNode.StartInAsync(folder))
                session = await SignInAsync(node, "ada");
            await using (var node = await RunningNode.StartInAsync(folder))
            {
                (await GetMeAsync(node, session.Token)).ShouldBe(HttpStatusCode.OK);
                (await RefreshAsync(node, session.RefreshToken)).SessionId.ShouldBe(session.SessionId);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<SessionResponse> SignInAsync(RunningNode node, string handle, string device = "test")
    {
        using var registered = await node.Anonymous.PostAsJsonAsync("/api/v1/users", new { handle, email = $"{handle}@example.org", password = Password }, Stop);
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        return await SignInAgainAsync(node, handle, device);
    }

    private static async Task<SessionResponse> SignInAgainAsync(RunningNode node, string login, string device = "test")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/sessions") { Content = JsonContent.Create(new { login, password = Password }) };
        request.Headers.TryAddWithoutValidation("User-Agent", device);
        using var signedIn = await node.Anonymous.SendAsync(request, Stop);
        return await RunningNode.ReadAsync<SessionResponse>(signedIn);
    }

    private static async Task<SessionResponse> RefreshAsync(RunningNode node, string refreshToken)
    {
        using var response = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions/refresh", new { refreshToken }, Stop);
        return await RunningNode.ReadAsync<SessionResponse>(response);
    }

    private static async Task<string> RefusedRefreshAsync(RunningNode node, string refreshToken)
    {
        using var response = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions/refresh", new { refreshToken }, Stop);
        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        return (await RunningNode.ReadProblemAsync(response)).Code;
    }

    private static async Task<HttpStatusCode> GetMeAsync(RunningNode node, string token)
    {
        using var client = node.NewClient(token);
        using var response = await client.GetAsync("/api/v1/users/me", Stop);
        return response.StatusCode;
    }

    private static JsonObject Part(string encoded) => JsonNode.Parse(Base64UrlEncoder.Decode(encoded))!.AsObject();

    private static string Header(string algorithm, string kid) => Base64UrlEncoder.Encode($$"""{"alg":"{{algorithm}}","kid":"{{kid}}","typ":"at+jwt"}""");

    private static string Hmac(string signed, byte[] key) => $"{signed}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(signed)))}";

    private static string Signed(string signed)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return $"{signed}.{Base64UrlEncoder.Encode(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
    }
}
