using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Signing;

public sealed class SignedRequestsTests(SignedRequestsTests.OpenNode shared) : IClassFixture<SignedRequestsTests.OpenNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Client_ThatSigns_ActsAsItsUser()
    {
        var key = await RegisterAsync(shared.Node, "ada-signs");
        using var client = Connect(shared.Node, key);

        var me = await client.GetMeAsync(Stop);
        var made = await client.CreateApiKeyAsync(new CreateApiKeyRequest("by a signed request"), Stop);
        (await client.ListApiKeysAsync(Stop).ToListAsync(Stop)).Select(one => one.Id).ShouldBe([made.Id]);
        await client.RevokeApiKeyAsync(made.Id, Stop);

        me.Handle.ShouldBe("ada-signs");
        var entries = await client.ListAuditAsync(act: "createApiKey", cancellationToken: Stop).ToListAsync(Stop);
        entries.ShouldHaveSingleItem().Credential.ShouldBe($"signature {key.Id}");
    }

    public static TheoryData<string> Changes => new(s_changes.Keys.ToArray());

    private static readonly Dictionary<string, Action<HttpRequestMessage>> s_changes = new()
    {
        ["method"] = request => request.Method = HttpMethod.Put,
        ["path"] = request => request.RequestUri = new Uri(request.RequestUri!.AbsoluteUri.Replace("api-keys", "api-keyz", StringComparison.Ordinal)),
        ["path, written otherwise"] = request => request.RequestUri = new Uri(
            request.RequestUri!.AbsoluteUri.Replace("api-keys", "api%2Dkeys", StringComparison.Ordinal), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }),
        ["query added"] = request => request.RequestUri = new Uri(request.RequestUri + "?wait=1"),
        ["body"] = request => request.Content = Json("""{"name":"laptoq"}"""),
        ["body cut off"] = request => request.Content = Json("""{"name":"laptop"}""" + " "),
        ["body and digest"] = request =>
        {
            request.Content = Json("""{"name":"laptoq"}""");
            Set(request, "Content-Digest", Stoa.Primitives.HttpSignatures.ContentDigest.Of("""{"name":"laptoq"}"""u8));
        },
        ["digest"] = request => Set(request, "Content-Digest", Stoa.Primitives.HttpSignatures.ContentDigest.Of("x"u8)),
        ["no digest"] = request => request.Headers.Remove("Content-Digest"),
        ["content type"] = request => request.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8"),
        ["idempotency key"] = request => Set(request, "Idempotency-Key", "another-key"),
        ["no idempotency key"] = request => request.Headers.Remove("Idempotency-Key"),
        ["idempotency key not covered"] = request => Replace(request, "Signature-Input", " \"idempotency-key\"", ""),
        ["organisation added"] = request => request.Headers.Add("Stoa-Organisation", "somebody-else"),
        ["time"] = request => Replace(request, "Signature-Input", ";created=1", ";created=2"),
        ["time by a second"] = request => Set(request, "Signature-Input", Later(Get(request, "Signature-Input"))),
        ["nonce"] = request => Replace(request, "Signature-Input", ";nonce=\"", ";nonce=\"a"),
        ["no nonce"] = request => Set(request, "Signature-Input", System.Text.RegularExpressions.Regex.Replace(Get(request, "Signature-Input"), ";nonce=\"[^\"]*\"", "")),
        ["key id"] = request => Replace(request, "Signature-Input", ";keyid=\"skey_0", ";keyid=\"skey_1"),
        ["components"] = request => Replace(request, "Signature-Input", "\"@query\" ", ""),
        ["algorithm"] = request => Replace(request, "Signature-Input", "ecdsa-p256-sha256", "hmac-sha256"),
        ["parameter added"] = request => Set(request, "Signature-Input", Get(request, "Signature-Input") + ";tag=\"x\""),
        ["signature"] = request => Set(request, "Signature", Flip(Get(request, "Signature"))),
        ["label"] = request => Replace(request, "Signature", "stoa=", "other="),
        ["second signature"] = request => Set(request, "Signature", Get(request, "Signature") + ", other=:AQID:"),
        ["no signature"] = request => request.Headers.Remove("Signature"),
        ["no input"] = request => request.Headers.Remove("Signature-Input"),
        ["nonsense"] = request => Set(request, "Signature-Input", "((("),
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Request_ThatWasChangedOnItsWay_IsRefused(string change)
    {
        var key = await RegisterAsync(shared.Node, "c" + Guid.NewGuid().ToString("n")[..12]);
        using var honest = Connect(shared.Node, key);
        using var handler = new Between(s_changes[change]);
        using var client = new StoaClient(honest.Options with { Handler = handler });

        var refused = await Should.ThrowAsync<StoaException>(() => client.CreateApiKeyAsync(new CreateApiKeyRequest("laptop"), Stop));

        refused.Problem.Status.ShouldBe(401, refused.Problem.Detail);
        (await honest.ListApiKeysAsync(Stop).ToListAsync(Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Request_InTheNameOfAnOrganisation_IsSignedSo_AndActsForNoOther()
    {
        var name = "o" + Guid.NewGuid().ToString("n")[..12];
        var key = await RegisterAsync(shared.Node, name);
        using var own = Connect(shared.Node, key);
        foreach (var organisation in (string[])["one", "two"])
            await own.CreateOrganisationAsync(new CreateOrganisationRequest($"{name}-{organisation}", "x"), Stop);
        using var acting = new StoaClient(own.Options with { Organisation = $"{name}-one" });
        (await acting.GetMeAsync(Stop)).Handle.ShouldBe($"{name}-one");
        await acting.CreateApiKeyAsync(new CreateApiKeyRequest("of one"), Stop);

        foreach (var change in (Action<HttpRequestMessage>[])
        [
            request => Set(request, "Stoa-Organisation", $"{name}-two"),
            request => request.Headers.Remove("Stoa-Organisation"),
            request => request.Headers.Add("Stoa-Organisation", $"{name}-two"),
        ])
        {
            using var handler = new Between(change);
            using var client = new StoaClient(acting.Options with { Handler = handler });
            (await Should.ThrowAsync<StoaException>(() => client.CreateApiKeyAsync(new CreateApiKeyRequest("laptop"), Stop))).Problem.Status.ShouldBe(401);
        }

        // What was signed for oneself is not carried over to an organisation.
        using var adding = new Between(request => request.Headers.Add("Stoa-Organisation", $"{name}-two"));
        using var carried = new StoaClient(own.Options with { Handler = adding });
        var refused = await Should.ThrowAsync<StoaException>(() => carried.CreateApiKeyAsync(new CreateApiKeyRequest("laptop"), Stop));
        (refused.Problem.Status, refused.Problem.Detail.Contains("stoa-organisation", StringComparison.Ordinal)).ShouldBe((401, true));
        using var other = new StoaClient(own.Options with { Organisation = $"{name}-two" });
        (await other.ListApiKeysAsync(Stop).ToListAsync(Stop)).ShouldBeEmpty();
        (await own.ListApiKeysAsync(Stop).ToListAsync(Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Request_ThatIsSentASecondTime_IsRefused()
    {
        var key = await RegisterAsync(shared.Node, "ada-replay");
        HttpRequestMessage? seen = null;
        using var handler = new Between(request => seen = Copy(request));
        using var honest = Connect(shared.Node, key);
        using var client = new StoaClient(honest.Options with { Handler = handler });
        await client.GetMeAsync(Stop);
        using var again = shared.Node.NewClient(null);

        using var refused = await again.SendAsync(seen!, Stop);

        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await RunningNode.ReadProblemAsync(refused)).Detail.ShouldContain("nonce");
    }

    [Theory]
    [InlineData(-4, true)]
    [InlineData(4, true)]
    [InlineData(-6, false)]
    [InlineData(6, false)]
    public async Task Request_SignedByAClockThatIsOff_IsTakenWithinTheWindow(int minutes, bool isTaken)
    {
        var key = await RegisterAsync(shared.Node, "t" + Guid.NewGuid().ToString("n")[..12]);
        using var honest = Connect(shared.Node, key);
        using var client = new StoaClient(honest.Options with { TimeProvider = new SettableTime(DateTimeOffset.UtcNow.AddMinutes(minutes)) });

        if (isTaken)
            (await client.GetMeAsync(Stop)).Handle.ShouldStartWith("t");
        else
            (await Should.ThrowAsync<StoaException>(() => client.GetMeAsync(Stop))).Problem.Status.ShouldBe(401);
    }

    [Fact]
    public async Task Request_AfterTheNodesClockWasSetBack_IsNotTakenASecondTime()
    {
        var time = new SettableTime(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        await using var node = await RunningNode.StartAsync(new NodePhysics(time, Random.Shared));
        var key = await RegisterAsync(node, "ada");
        HttpRequestMessage? seen = null;
        using var handler = new Between(request => seen = Copy(request));
        using var client = new StoaClient(Connect(node, key).Options with { Handler = handler, TimeProvider = time });
        await client.GetMeAsync(Stop);
        // Long enough for all nonces to be forgotten, and back.
        time.Advance(TimeSpan.FromHours(1));
        await node.Service<Stoa.Node.Signing.RequestNonces>().ForgetAsync(time.GetUtcNow().AddMinutes(-10), Stop);
        time.Advance(TimeSpan.FromHours(-1));
        using var again = node.NewClient(null);

        using var refused = await again.SendAsync(seen!, Stop);

        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Key_ThatIsRevokedOrUnknown_OpensNothingAndIsNotToldApart()
    {
        var key = await RegisterAsync(shared.Node, "ada-revoked");
        using var client = Connect(shared.Node, key);
        await client.RevokeSigningKeyAsync(key.Id, Stop);
        using var unknown = Connect(shared.Node, key with { Id = "skey_01h2xcejqtf2nbrexx3vqjhp41" });

        var revoked = await Should.ThrowAsync<StoaException>(() => client.GetMeAsync(Stop));
        var never = await Should.ThrowAsync<StoaException>(() => unknown.GetMeAsync(Stop));

        (revoked.Problem.Status, revoked.Problem.Detail).ShouldBe((401, never.Problem.Detail));
    }

    [Fact]
    public async Task Key_IsRegisteredOnce_ByWhoHasIt()
    {
        using var ada = await shared.Node.NewMemberAsync("ada-proof");
        using var eve = await shared.Node.NewMemberAsync("eve-proof");
        using var pair = PrivateKey.Generate();
        var adaId = (await RunningNode.ReadAsync<UserResponse>(await ada.GetAsync("/api/v1/users/me", Stop))).Id;
        var request = RequestSigningKey.Registration("laptop", pair, adaId);

        (await eve.PostAsJsonAsync("/api/v1/signing-keys", request, StoaJson.Default.RegisterSigningKeyRequest, Stop)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await ada.PostAsJsonAsync("/api/v1/signing-keys", request with { Name = "" }, StoaJson.Default.RegisterSigningKeyRequest, Stop)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await ada.PostAsJsonAsync("/api/v1/signing-keys", request with { PublicKey = "AQID" }, StoaJson.Default.RegisterSigningKeyRequest, Stop)).StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await ada.PostAsJsonAsync("/api/v1/signing-keys", request, StoaJson.Default.RegisterSigningKeyRequest, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);
        (await ada.PostAsJsonAsync("/api/v1/signing-keys", request, StoaJson.Default.RegisterSigningKeyRequest, Stop)).StatusCode.ShouldBe(HttpStatusCode.Conflict);
        var made = (await RunningNode.ReadAsync<ListResponse<SigningKeyResponse>>(await ada.GetAsync("/api/v1/signing-keys", Stop))).Items.ShouldHaveSingleItem();
        (await eve.DeleteAsync($"/api/v1/signing-keys/{made.Id}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task LargeBody_IsCheckedWhileItStreams_AndNothingOfAWrongOneIsKept()
    {
        var key = await RegisterAsync(shared.Node, "ada-large");
        using var honest = Connect(shared.Node, key);
        var content = new byte[3 << 20];
        new Random(1).NextBytes(content);

        var stored = await honest.UploadAsync(new MemoryStream(content), cancellationToken: Stop);
        stored.SizeBytes.ShouldBe(content.Length);

        content[2 << 20] ^= 1;
        var other = (byte[])content.Clone();
        other[^1] ^= 1;
        // The address names the other content, so that it is the digest alone which tells.
        using var handler = new Between(request =>
        {
            if (request.Method != HttpMethod.Put)
                return;
            var body = new ByteArrayContent(other);
            body.Headers.ContentType = request.Content!.Headers.ContentType;
            request.Content = body;
        });
        using var client = new StoaClient(honest.Options with { Handler = handler });
        (await Should.ThrowAsync<StoaException>(() => client.UploadAsync(new MemoryStream(content), cancellationToken: Stop))).Problem.Status.ShouldBe(401);
        (await honest.FindBlobAsync(ContentHash.Of(other).ToString(), Stop)).ShouldBeNull();
        (await honest.FindBlobAsync(ContentHash.Of(content).ToString(), Stop)).ShouldBeNull();
    }

    private static async Task<RequestSigningKey> RegisterAsync(RunningNode node, string handle)
    {
        using var member = await node.NewMemberAsync(handle);
        var me = await RunningNode.ReadAsync<UserResponse>(await member.GetAsync("/api/v1/users/me", Stop));
        var pair = PrivateKey.Generate();
        using var made = await member.PostAsJsonAsync(
            "/api/v1/signing-keys", RequestSigningKey.Registration("test", pair, me.Id), StoaJson.Default.RegisterSigningKeyRequest, Stop);
        return new RequestSigningKey((await RunningNode.ReadAsync<SigningKeyResponse>(made)).Id, pair);
    }

    private static StoaClient Connect(RunningNode node, RequestSigningKey key) =>
        new(new StoaClientOptions { Address = node.Started.Address, SigningKey = key, MaxAttempts = 1 });

    private static ByteArrayContent Json(string text)
    {
        var content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(text));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private static string Get(HttpRequestMessage request, string name) => request.Headers.GetValues(name).Single();

    private static void Set(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    private static void Replace(HttpRequestMessage request, string name, string old, string replacement)
    {
        var value = Get(request, name);
        value.ShouldContain(old);
        Set(request, name, value.Replace(old, replacement, StringComparison.Ordinal));
    }

    private static string Later(string input) => System.Text.RegularExpressions.Regex.Replace(
        input, "created=([0-9]+)", match => "created=" + (long.Parse(match.Groups[1].Value, null) + 1));

    private static string Flip(string signature) => signature.Replace("stoa=:", "", StringComparison.Ordinal).TrimEnd(':') is var encoded
        && Convert.FromBase64String(encoded) is var bytes
            ? $"stoa=:{Convert.ToBase64String([(byte)(bytes[0] ^ 1), .. bytes[1..]])}:"
            : throw new InvalidOperationException();

    private static HttpRequestMessage Copy(HttpRequestMessage request)
    {
        var copy = new HttpRequestMessage(request.Method, request.RequestUri);
        foreach (var (name, values) in request.Headers)
            copy.Headers.TryAddWithoutValidation(name, values);
        return copy;
    }

    /// <summary>A node on which many may register and sign in at once.</summary>
    public sealed class OpenNode : IAsyncLifetime
    {
        private RunningNode? _node;

        public RunningNode Node => _node!;

        public async ValueTask InitializeAsync() =>
            _node = await RunningNode.StartAsync("--http:signInsPerMinute", "1000", "--http:registrationsPerHour", "1000");

        public async ValueTask DisposeAsync() => await _node!.DisposeAsync();
    }

    /// <summary>Somebody between client and node who changes what was signed.</summary>
    private sealed class Between(Action<HttpRequestMessage> change) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            change(request);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
