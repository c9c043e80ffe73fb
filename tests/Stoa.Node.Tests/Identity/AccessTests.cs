using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>Who gets in, and to what.</summary>
public sealed class AccessTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    public static TheoryData<string> WrongCredentials =>
    [
        "stoa_fcbgrbor6j7kmaxj4j33tnaxhlheqimh5yidcdaa",
        ApiKeySecret.Create(new Random(1)).Text,
        "stoa_",
        "stoa_garbage",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzAxbTgxZzIyenplMjlic3cxN2hudjFtZjdzIn0.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA",
        "x",
        new string('x', 5000),
    ];

    [Theory]
    [MemberData(nameof(WrongCredentials))]
    public async Task WrongCredential_IsRefusedEvenWhereNoneIsNeeded(string credential)
    {
        foreach (var path in new[] { "/api/v1/users/me", "/api/v1/agents" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + credential);
            using var response = await Node.Anonymous.SendAsync(request, Stop);

            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("unauthenticated");
            response.Headers.WwwAuthenticate.Single().ToString().ShouldContain("invalid_token");
        }
    }

    [Fact]
    public async Task OtherScheme_IsRefused()
    {
        using var client = Node.NewClient(null);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", "c3RvYTpzdG9h");

        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Key_IsHonouredUntilItIsRevoked_AndNotAMomentLonger()
    {
        var made = await RunningNode.ReadAsync<ApiKeyResponse>(await Node.Admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "short-lived" }, Stop));
        using var client = Node.NewClient(made.Secret);
        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);

        (await Node.Admin.DeleteAsync($"/api/v1/api-keys/{made.Id}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var again = await Node.Admin.DeleteAsync($"/api/v1/api-keys/{made.Id}", Stop);
        (await RunningNode.ReadProblemAsync(again)).Code.ShouldBe("apiKeyUnknown");
    }

    [Fact]
    public async Task Key_OfAnotherUser_IsNotFound()
    {
        using var mallory = await Node.NewMemberAsync("mallory");
        var keys = await RunningNode.ReadAsync<ListResponse<ApiKeyResponse>>(await Node.Admin.GetAsync("/api/v1/api-keys", Stop));

        using var response = await mallory.DeleteAsync($"/api/v1/api-keys/{keys.Items[0].Id}", Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await Node.Admin.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Secret_IsInNoListAndInNoTable()
    {
        var made = await RunningNode.ReadAsync<ApiKeyResponse>(await Node.Admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "secret" }, Stop));

        var list = await Node.Admin.GetStringAsync("/api/v1/api-keys", Stop);

        list.ShouldContain(made.Id);
        list.ShouldNotContain(made.Secret!);
        var stored = await Node.Service<IUserStore>().FindKeyAsync(ContentHash.Of(System.Text.Encoding.ASCII.GetBytes(made.Secret!)), Stop);
        stored!.Id.ToString().ShouldBe(made.Id);
    }

    [Fact]
    public async Task Deposit_ByAMember_IsForbidden()
    {
        using var eve = await Node.NewMemberAsync("eve");

        using var response = await eve.PostAsJsonAsync("/api/v1/deposits", new { handle = "eve", amount = "1000000" }, Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("forbidden");
    }

    [Theory]
    [InlineData("nobody", "1", "userUnknown")]
    [InlineData("stoa", "0", "amountNotPositive")]
    [InlineData("stoa", "-1", "amountNotPositive")]
    [InlineData("stoa", "1e3", "requestInvalid")]
    [InlineData("stoa", "0.0000000001", "requestInvalid")]
    [InlineData("stoa", "9223372036.854775807", "balanceOverflow")]
    public async Task Deposit_ThatCannotBe_IsRefused(string handle, string amount, string code)
    {
        using var response = await Node.Admin.PostAsJsonAsync("/api/v1/deposits", new { handle, amount }, Stop);

        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe(code);
    }

    [Theory]
    [InlineData("stoa")]
    [InlineData("node")]
    [InlineData("admin")]
    public async Task ReservedHandle_IsRefused(string handle)
    {
        using var response = await Register(handle, "x@example.org");

        (await RunningNode.ReadProblemAsync(response)).Errors!.Single().Pointer.ShouldBe("/handle");
    }

    [Fact]
    public async Task HandleOrEmail_OfAnotherUser_IsTaken()
    {
        (await Register("first", "first@example.org")).StatusCode.ShouldBe(HttpStatusCode.Created);

        (await RunningNode.ReadProblemAsync(await Register("first", "other@example.org"))).Code.ShouldBe("handleTaken");
        (await RunningNode.ReadProblemAsync(await Register("other", "FIRST@example.org"))).Code.ShouldBe("emailTaken");
    }

    [Fact]
    public async Task SignIn_ByHandleOrEmail_OpensASession()
    {
        using var _ = await Register("grace", "Grace@example.org");

        foreach (var login in new[] { "grace", "grace@example.org", "GRACE@example.org" })
        {
            using var response = await Node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login, password = "correct horse battery" }, Stop);
            var session = await RunningNode.ReadAsync<SessionResponse>(response);
            session.User.Handle.ShouldBe("grace");
            using var client = Node.NewClient(session.Token);
            (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    [Theory]
    [InlineData("nobody-at-all", "correct horse battery")]
    [InlineData("stoa", "correct horse battery")]
    [InlineData("stoa", "")]
    public async Task SignIn_WithWrongCredentials_DoesNotSayWhichIsWrong(string login, string password)
    {
        using var response = await Node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login, password }, Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var problem = await RunningNode.ReadProblemAsync(response);
        (problem.Code, problem.Detail).ShouldBe(("credentialsWrong", "No account has this login with this password. Check both, or register."));
    }

    [Fact]
    public async Task Session_EndsWhenItSaysSo_AndSoDoesAKey()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock }, "--identity:accessTokenMinutes", "60", "--identity:credentialCacheSeconds", "300");
        using var ada = await node.NewMemberAsync("ada");
        var key = await RunningNode.ReadAsync<ApiKeyResponse>(
            await ada.PostAsJsonAsync("/api/v1/api-keys", new { name = "k", expiresAt = clock.GetUtcNow().AddMinutes(59.5) }, Stop));
        using var byKey = node.NewClient(key.Secret);
        (await byKey.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);

        clock.Advance(TimeSpan.FromHours(-1));
        (await ada.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK, "a clock that is set back ends no session");
        clock.Advance(TimeSpan.FromHours(1));

        clock.Advance(TimeSpan.FromMinutes(59));
        (await ada.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await byKey.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);

        clock.Advance(TimeSpan.FromMinutes(1));
        (await ada.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await byKey.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task SignIn_TriedTooOften_IsHeldBack()
    {
        await using var node = await RunningNode.StartAsync("--http:signInsPerLogin", "3");
        for (var attempt = 0; attempt < 3; attempt++)
        {
            using var wrong = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "victim", password = "guess" }, Stop);
            wrong.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            wrong.Headers.GetValues("RateLimit-Policy").ShouldContain("\"sign-in-of-one-login\";q=3;w=600");
        }

        using var held = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "Victim", password = "guess" }, Stop);
        using var other = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "other", password = "guess" }, Stop);

        held.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        (await RunningNode.ReadProblemAsync(held)).Code.ShouldBe("rateLimited");
        held.Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThan(TimeSpan.Zero);
        other.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task ClosedRegistration_IsForAdministrators()
    {
        await using var node = await RunningNode.StartAsync("--identity:openRegistration", "false");
        var request = new { handle = "ada", email = "ada@example.org", password = "correct horse battery" };

        (await node.Anonymous.PostAsJsonAsync("/api/v1/users", request, Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await node.Admin.PostAsJsonAsync("/api/v1/users", request, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    private Task<HttpResponseMessage> Register(string handle, string email) =>
        Node.Anonymous.PostAsJsonAsync("/api/v1/users", new { handle, email, password = "correct horse battery" }, Stop);
}
