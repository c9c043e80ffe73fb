using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Node.Tests.Webhooks;

namespace Stoa.Node.Tests.Identity;

/// <summary>The ten risks of the OWASP API Security Top 10 of 2023, each tried against a node on production wiring.</summary>
public sealed class OwaspTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    /// <summary>Tries: a stranger reads, changes and deletes things of another account by their ids, one of each kind.</summary>
    [Fact]
    public async Task Api1_BrokenObjectLevelAuthorization()
    {
        using var victim = await Node.NewMemberAsync("victim1");
        using var attacker = await Node.NewMemberAsync("attacker1");
        using var publisher = new StoaClient(new StoaClientOptions { Address = Node.Started.Address, ApiKey = Node.AdminKey });
        var agent = await TestNode.PublishAsync(publisher, "bola", GuestPrograms.Echo, price: new AgentPriceBody("0", "0", "0"));
        var blank = new { agent, input = new { text = "{{t}}" } };
        var task = await MakeAsync(victim, "tasks?wait=60s", new { agent, input = new { text = "secret" } });
        var template = await MakeAsync(victim, "templates", new { name = "mine", task = blank, parameters = new[] { new { name = "t" } } });
        var schedule = await MakeAsync(victim, "schedules", new { cron = "0 0 1 1 *", template = new { id = template, parameters = new { t = "x" } } });
        var webhook = await MakeAsync(victim, "webhooks", new { url = "https://example.org/hook", types = new[] { "stoa.task.failed" } });
        var key = await MakeAsync(victim, "api-keys", new { name = "mine" });
        using var put = await victim.PostAsync("/api/v1/blobs", new ByteArrayContent("secret of victim1"u8.ToArray()) { Headers = { ContentType = new("application/octet-stream") } }, Stop);
        var blob = (await RunningNode.ReadAsync<BlobResponse>(put)).Digest;
        (string Method, string Path, object? Body)[] tries =
        [
            ("GET", $"tasks/{task}", null), ("DELETE", $"tasks/{task}", null), ("GET", $"tasks/{task}/input", null), ("GET", $"tasks/{task}/result", null),
            ("GET", $"tasks/{task}/receipt", null), ("GET", $"tasks/{task}/log", null), ("GET", $"tasks/{task}/events", null), ("POST", $"tasks/{task}/execute", null),
            ("POST", $"tasks/{task}/replay", null), ("PUT", $"tasks/{task}/review", new { stars = 1 }),
            ("GET", $"templates/{template}", null), ("DELETE", $"templates/{template}", null), ("POST", $"templates/{template}/tasks", new { parameters = new { t = "x" } }),
            ("GET", $"schedules/{schedule}", null), ("PATCH", $"schedules/{schedule}", new { paused = true }), ("DELETE", $"schedules/{schedule}", null),
            ("GET", $"schedules/{schedule}/runs", null),
            ("GET", $"webhooks/{webhook}", null), ("PATCH", $"webhooks/{webhook}", new { enabled = false }), ("DELETE", $"webhooks/{webhook}", null),
            ("POST", $"webhooks/{webhook}/test", null), ("GET", $"webhooks/{webhook}/deliveries", null),
            ("DELETE", $"api-keys/{key}", null), ("GET", $"blobs/{blob}", null),
        ];
        foreach (var (method, path, body) in tries)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), "/api/v1/" + path) { Content = body is null ? null : JsonContent.Create(body) };
            using var response = await attacker.SendAsync(request, Stop);
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound, $"{method} {path}");
        }

        foreach (var path in new[] { $"tasks/{task}", $"templates/{template}", $"schedules/{schedule}", $"webhooks/{webhook}", $"blobs/{blob}" })
            (await victim.GetAsync("/api/v1/" + path, Stop)).StatusCode.ShouldBe(HttpStatusCode.OK, path + " is as it was");
        foreach (var list in new[] { "templates", "schedules", "webhooks", "api-keys", "tasks", "batches", "channels", "invitations", "organisations" })
            JsonNode.Parse(await attacker.GetStringAsync("/api/v1/" + list, Stop))!["items"]!.AsArray().ShouldBeEmpty(list);
    }

    /// <summary>Tries: tokens without a signature, with another algorithm or key, or altered; keys that are cut, guessed or sent by other schemes; guessing passwords.</summary>
    [Fact]
    public async Task Api2_BrokenAuthentication()
    {
        await using var node = await RunningNode.StartAsync("--http:signInsPerLogin", "5");
        using var member = await node.NewMemberAsync("member2");
        var token = member.DefaultRequestHeaders.Authorization!.Parameter!;
        var parts = token.Split('.');
        var forged = $"{Base64("""{"alg":"HS256","typ":"JWT"}""")}.{parts[1]}";
        string[] wrong =
        [
            $"{Base64("""{"alg":"none","typ":"JWT"}""")}.{parts[1]}.", $"{parts[0]}.{parts[1]}.", $"{forged}.{Sign(forged, new byte[32])}", $"{forged}.{Sign(forged, Encoding.ASCII.GetBytes("stoa"))}",
            $"{parts[0]}.{Base64("""{"sub":"user_01m81g29hdep1sct759qs8z33q","iss":"stoa","aud":"stoa","exp":4102444800}""")}.{parts[2]}",
            token[..^4], node.AdminKey[..^1], node.AdminKey[..20], node.AdminKey + "a", "",
        ];
        foreach (var credential in wrong)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/users/me");
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + credential);
            using var response = await node.Anonymous.SendAsync(request, Stop);
            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized, credential);
        }

        (await node.Anonymous.GetAsync($"/api/v1/users/me?key={node.AdminKey}&access_token={token}", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized, "no credential is taken from an address");
        var statuses = new List<HttpStatusCode>();
        for (var guess = 0; guess < 8; guess++)
        {
            using var tried = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "stoa", password = $"guess {guess}" }, Stop);
            statuses.Add(tried.StatusCode);
        }

        statuses.Count(status => status is HttpStatusCode.Unauthorized).ShouldBe(5);
        statuses.Count(status => status is HttpStatusCode.TooManyRequests).ShouldBe(3);

        static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        static string Sign(string text, byte[] key) =>
            Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(text))).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    /// <summary>Tries: setting members that are not the caller's to set, and reading ones that are nobody's to read.</summary>
    [Fact]
    public async Task Api3_BrokenObjectPropertyLevelAuthorization()
    {
        using var member = await Node.NewMemberAsync("member3");
        const string password = "correct horse battery";
        (string Path, object Body)[] tries =
        [
            ("users", new { handle = "sneaky", email = "s@example.org", password, role = "admin" }),
            ("users", new { handle = "sneaky", email = "s@example.org", password, kind = "organisation" }),
            ("api-keys", new { name = "k", userId = "user_01m81g29hdep1sct759qs8z33q" }),
            ("api-keys", new { name = "k", makerId = "user_01m81g29hdep1sct759qs8z33q" }),
            ("api-keys", new { name = "k", secret = "stoa_mine" }),
            ("organisations", new { handle = "sneaky-org", name = "x", balance = "1000000" }),
            ("webhooks", new { url = "https://example.org/", secret = "whsec_mine" }),
            ("tasks", new { agent = "stoa/xx", input = new { text = "x" }, ownerId = "user_01m81g29hdep1sct759qs8z33q" }),
            ("tasks", new { agent = "stoa/xx", input = new { text = "x" }, price = "0", state = "succeeded" }),
        ];
        foreach (var (path, body) in tries)
        {
            using var response = await member.PostAsJsonAsync("/api/v1/" + path, body, Stop);
            response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, path);
        }

        var made = await RunningNode.ReadAsync<ApiKeyResponse>(await member.PostAsJsonAsync("/api/v1/api-keys", new { name = "k" }, Stop));
        foreach (var path in new[] { "users/me", "api-keys", "wallet", "agents", "node" })
        {
            var text = await member.GetStringAsync("/api/v1/" + path, Stop);
            foreach (var secret in new[] { "password", "hash", made.Secret!, "session-key" })
                text.ShouldNotContain(secret, Case.Insensitive, path);
        }
    }

    /// <summary>Tries: bodies, pages, batches, headers and numbers of calls without end.</summary>
    [Fact]
    public async Task Api4_UnrestrictedResourceConsumption()
    {
        await using var node = await RunningNode.StartAsync("--http:callsPerMinute", "40");
        using var member = await node.NewMemberAsync("member4");
        using var large = await member.PostAsync("/api/v1/api-keys", new StringContent(new string(' ', 100_000) + "{}", null, "application/json"), Stop);
        large.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        foreach (var query in new[] { "limit=1000000", "limit=0", "limit=-1", "cursor=" + new string('x', 2000) })
            (await member.GetAsync("/api/v1/tasks?" + query, Stop)).StatusCode.ShouldBe(HttpStatusCode.BadRequest, query);
        using var deep = await member.PostAsync(
            "/api/v1/tasks", new StringContent(string.Concat(Enumerable.Repeat("{\"agent\":", 500)), null, "application/json"), Stop);
        deep.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        using var batch = await member.PostAsJsonAsync(
            "/api/v1/batches", new { tasks = Enumerable.Repeat(new { agent = "a/b", input = new { text = "" } }, 10_001) }, Stop);
        batch.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        var statuses = new List<HttpStatusCode>();
        for (var call = 0; call < 50; call++)
        {
            using var response = await member.GetAsync("/api/v1/users/me", Stop);
            statuses.Add(response.StatusCode);
        }

        statuses[^1].ShouldBe(HttpStatusCode.TooManyRequests);
        (await node.Admin.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK, "from the same address, and not starved");
        // Wrong keys are counted, too: by their address, before anything is looked up.
        var guesses = new List<HttpStatusCode>();
        for (var guess = 0; guess < 45; guess++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/users/me");
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer stoa_guess");
            using var response = await node.Anonymous.SendAsync(request, Stop);
            guesses.Add(response.StatusCode);
        }

        guesses[^1].ShouldBe(HttpStatusCode.TooManyRequests);
    }

    /// <summary>Tries: what is for administrators, as a member, by other methods, by overriding headers and by other spellings of the address.</summary>
    [Fact]
    public async Task Api5_BrokenFunctionLevelAuthorization()
    {
        using var member = await Node.NewMemberAsync("member5");
        var deposit = new { handle = "member5", amount = "1000" };
        foreach (var path in new[] { "/api/v1/deposits", "/api/v1/deposits/", "/API/V1/Deposits", "/api/v1//deposits", "/api/v1/./deposits", "/api/v1/wallet/../deposits", "/api/v1/%64eposits" })
        {
            using var response = await member.PostAsJsonAsync(path, deposit, Stop);
            ((int)response.StatusCode).ShouldBeInRange(403, 404, path);
        }

        foreach (var (name, value) in new[] { ("X-HTTP-Method-Override", "POST"), ("X-Original-URL", "/api/v1/deposits"), ("X-Forwarded-For", "127.0.0.1"), ("X-Role", "admin") })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/deposits") { Content = JsonContent.Create(deposit) };
            request.Headers.Add(name, value);
            (await member.SendAsync(request, Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, name);
        }

        foreach (var path in new[] { "ledger/accounts", "ledger/blocks", "users/stoa/quota" })
            (await member.GetAsync("/api/v1/" + path, Stop)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, path);
        (await RunningNode.ReadAsync<WalletResponse>(await member.GetAsync("/api/v1/wallet", Stop))).Available.ShouldBe("0.000000000");
    }

    /// <summary>Tries: opening accounts, organisations and invitations by the hundred, each of which takes a name for good or may write to a stranger.</summary>
    [Fact]
    public async Task Api6_UnrestrictedAccessToSensitiveBusinessFlows()
    {
        await using var node = await RunningNode.StartAsync("--http:registrationsPerHour", "6", "--http:invitationsPerHour", "3");
        using var member = await node.NewMemberAsync("member6");
        (await member.PostAsJsonAsync("/api/v1/organisations", new { handle = "org6", name = "x" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);

        (await Statuses(4, index => member.PostAsJsonAsync("/api/v1/organisations/org6/invitations", new { role = "viewer", email = $"v{index}@example.org" }, Stop)))
            .ShouldBe([HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.TooManyRequests]);
        (await Statuses(6, index => node.Anonymous.PostAsJsonAsync("/api/v1/users", new { handle = $"bot{index}", email = $"b{index}@example.org", password = "correct horse battery" }, Stop)))
            .Last().ShouldBe(HttpStatusCode.TooManyRequests);
        (await member.PostAsJsonAsync("/api/v1/organisations", new { handle = "org7", name = "x" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);

        static async Task<List<HttpStatusCode>> Statuses(int count, Func<int, Task<HttpResponseMessage>> act)
        {
            var statuses = new List<HttpStatusCode>();
            for (var index = 0; index < count; index++)
            {
                using var response = await act(index);
                statuses.Add(response.StatusCode);
            }

            return statuses;
        }
    }

    /// <summary>Tries: webhooks to this machine, to private networks and to where clouds keep their credentials, however they are written.</summary>
    [Theory]
    [InlineData("http://example.org/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://localhost/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://0x7f000001/")]
    [InlineData("https://0177.0.0.1/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[::ffff:127.0.0.1]/")]
    [InlineData("https://0.0.0.0/")]
    [InlineData("https://10.1.2.3/")]
    [InlineData("https://192.168.0.1/")]
    [InlineData("https://172.16.0.1/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    [InlineData("https://[fd00:ec2::254]/")]
    [InlineData("https://user:password@example.org/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("gopher://127.0.0.1:6379/_FLUSHALL")]
    public async Task Api7_ServerSideRequestForgery(string url)
    {
        using var response = await Node.Admin.PostAsJsonAsync("/api/v1/webhooks", new { url, types = new[] { "stoa.task.failed" } }, Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await RunningNode.ReadProblemAsync(response)).Errors!.ShouldContain(error => error.Pointer == "/url");
    }

    /// <summary>Tries: foreign origins, methods that should be off, faults that tell too much, and answers that browsers could misread.</summary>
    [Fact]
    public async Task Api8_SecurityMisconfiguration()
    {
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/api/v1/tasks");
        preflight.Headers.Add("Origin", "https://evil.example.org");
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        using var answered = await Node.Anonymous.SendAsync(preflight, Stop);
        answered.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
        foreach (var method in new[] { "TRACE", "CONNECT", "TRACK", "PROPFIND" })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), "/api/v1/node");
            if (method == "CONNECT")
                continue;
            using var refused = await Node.Anonymous.SendAsync(request, Stop);
            refused.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed, method);
        }

        foreach (var path in new[] { "/api/v1/node", "/api/v1/tasks", "/api/v1/nothing", "/", "/api/v1/tasks/x", "/.git/config", "/appsettings.json", "/swagger", "/debug", "/admin.key" })
        {
            using var response = await Node.Anonymous.GetAsync(path, Stop);
            response.Headers.Contains("Server").ShouldBeFalse(path);
            response.Headers.Contains("X-Powered-By").ShouldBeFalse(path);
            response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"], path);
            response.Headers.Contains("Content-Security-Policy").ShouldBeTrue(path);
            var text = await response.Content.ReadAsStringAsync(Stop);
            text.ShouldNotContain("   at ", Case.Sensitive, path);
            text.ShouldNotContain("Exception", Case.Sensitive, path);
            if (path is not ("/" or "/api/v1/node"))
                (await RunningNode.ReadProblemAsync(response)).Status.ShouldBeOneOf(401, 404);
        }
    }

    /// <summary>Tries: endpoints that are wired and not described, described and not wired, and other versions or internals of the API.</summary>
    [Fact]
    public async Task Api9_ImproperInventoryManagement()
    {
        var document = JsonNode.Parse(await Node.Anonymous.GetStringAsync("/openapi/v1.json", Stop))!;
        var described = document["paths"]!.AsObject()
            .SelectMany(path => path.Value!.AsObject().Where(pair => pair.Key is "get" or "head" or "post" or "put" or "patch" or "delete").Select(pair => $"{pair.Key.ToUpperInvariant()} {path.Key.TrimEnd('/')}"))
            .Where(address => address.Contains("/api/", StringComparison.Ordinal)).Order().ToList();

        TableRow.ReadAll(Node).Select(row => $"{row.Method} {row.Pattern}").Order().ShouldBe(described);
        foreach (var path in new[] { "/api", "/api/v0/tasks", "/api/v2/tasks", "/api/tasks", "/api/v1/internal", "/api/v1/debug", "/api/v1/admin", "/api/beta/tasks", "/openapi/v2.json" })
            (await Node.Admin.GetAsync(path, Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
    }

    /// <summary>Tries: a receiver of webhooks that redirects the node to the node itself, and one that answers without end.</summary>
    [Fact]
    public async Task Api10_UnsafeConsumptionOfApis()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var node = await TestNode.StartAsync(null, "--Webhooks:AllowHttp", "true", "--Webhooks:AllowPrivateAddresses", "true", "--Webhooks:TimeoutMs", "1000");
        var webhook = await node.Client.CreateWebhookAsync(new CreateWebhookRequest(receiver.Url, ["stoa.task.failed"]), Stop);
        receiver.Location = new Uri(node.Client.Options.Address, "/api/v1/users/me").ToString();
        receiver.Answers.Enqueue(307);
        await node.Client.TestWebhookAsync(webhook.Id, Stop);
        await receiver.NextAsync();
        var redirected = await AttemptedAsync(node.Client, webhook.Id, 1);
        (redirected.Status, redirected.State).ShouldBe((307, "pending"));
        redirected.Error!.ShouldContain("redirects are not followed");

        receiver.Location = null;
        var never = new TaskCompletionSource();
        receiver.MayAnswer = never.Task;
        var silent = await node.Client.TestWebhookAsync(webhook.Id, Stop);
        await receiver.NextAsync();
        var timedOut = await AttemptedAsync(node.Client, webhook.Id, 1, silent.Id);
        timedOut.Status.ShouldBeNull();
        never.SetResult();
    }

    private static Task<WebhookDeliveryResponse> AttemptedAsync(StoaClient client, string webhook, int attempts, string? id = null) => Eventually.FoundAsync(() =>
        client.ListWebhookDeliveriesAsync(webhook, cancellationToken: Stop)
            .FirstOrDefaultAsync(delivery => (id is null || delivery.Id == id) && delivery.Attempts >= attempts && delivery.AttemptedAt is not null, Stop).AsTask());

    private static async Task<string> MakeAsync(HttpClient client, string collection, object body)
    {
        using var response = await client.PostAsJsonAsync("/api/v1/" + collection, body, Stop);
        var text = await response.Content.ReadAsStringAsync(Stop);
        response.StatusCode.ShouldBe(HttpStatusCode.Created, text);
        return (string)JsonNode.Parse(text)!["id"]!;
    }
}
