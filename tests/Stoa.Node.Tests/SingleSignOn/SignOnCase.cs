using System.Buffers.Text;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Stoa.Client.Contracts;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Identity;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>An organisation with a provider, and people who sign in by it.</summary>
public sealed partial class SignOnCase : IAsyncDisposable
{
    public const string Organisation = "acme";

    /// <summary>Lets a node use providers on this machine, and has no limit of sign-ins that a test would meet.</summary>
    public static readonly string[] Options =
    [
        "--singleSignOn:publicUrl", Browser.PublicUrl, "--singleSignOn:allowHttp", "true", "--singleSignOn:allowPrivateAddresses", "true", "--http:signInsPerMinute", "100000",
        // The provider is in this process, and the machine may be busy.
        "--singleSignOn:timeoutMs", "30000",
    ];

    private SignOnCase(RunningNode node, FakeProvider provider, HttpClient boss) => (Node, Provider, Boss) = (node, provider, boss);

    public RunningNode Node { get; }

    public FakeProvider Provider { get; }

    /// <summary>Who administers the organisation, by a password.</summary>
    public HttpClient Boss { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Starts a node with an organisation, of which a provider lets in who has an address at example.org.</summary>
    public static async Task<SignOnCase> StartAsync(params string[] options)
    {
        var node = await RunningNode.StartAsync([.. Options, .. options]);
        return await StartAsync(node, await node.NewMemberAsync("boss"));
    }

    /// <summary>The same with a node that sends letters.</summary>
    internal static async Task<SignOnCase> StartAsync(LetterBox box)
    {
        const string password = "correct horse battery";
        var node = await RunningNode.StartAsync([.. Options, .. box.Options]);
        (await node.Anonymous.PostAsJsonAsync("/api/v1/users", new { handle = "boss", email = "boss@example.org", password }, Stop)).EnsureSuccessStatusCode();
        var code = await box.TakeCodeAsync("boss@example.org");
        (await node.Anonymous.PostAsJsonAsync("/api/v1/email-verifications", new { email = "boss@example.org", code }, Stop)).EnsureSuccessStatusCode();
        using var signedIn = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "boss", password }, Stop);
        return await StartAsync(node, node.NewClient((await RunningNode.ReadAsync<SessionResponse>(signedIn)).Token));
    }

    private static async Task<SignOnCase> StartAsync(RunningNode node, HttpClient boss)
    {
        var provider = await FakeProvider.StartAsync();
        (await boss.PostAsJsonAsync("/api/v1/organisations", new { handle = Organisation, name = "Acme" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);
        var started = new SignOnCase(node, provider, boss);
        await started.SetProviderAsync();
        return started;
    }

    public Task SetProviderAsync(object? roles = null, bool trustsEmail = false) => SetProviderAsync(Boss, Organisation, Provider, roles, trustsEmail);

    public static async Task SetProviderAsync(HttpClient boss, string organisation, FakeProvider provider, object? roles = null, bool trustsEmail = false)
    {
        using var set = await boss.PutAsJsonAsync(
            $"/api/v1/organisations/{organisation}/identity-provider",
            new
            {
                issuer = provider.Issuer,
                clientId = FakeProvider.ClientId,
                clientSecret = FakeProvider.Secret,
                domains = new[] { "example.org" },
                trustsEmail,
                roleClaim = roles is null ? null : "groups",
                roles,
            },
            Stop);
        set.StatusCode.ShouldBe(HttpStatusCode.OK, await set.Content.ReadAsStringAsync(Stop));
    }

    public Browser NewBrowser() => new() { Node = Node };

    /// <summary>A sign-in from its beginning to the session's tokens, by a code that is shown.</summary>
    public async Task<SessionResponse> SignInAsync()
    {
        using var browser = NewBrowser();
        var client = new SignOnProgram();
        return await RunningNode.ReadAsync<SessionResponse>(await RedeemAsync(await PassAsync(browser, client), client));
    }

    /// <summary>A sign-in up to the code.</summary>
    public async Task<string> PassAsync(Browser browser, SignOnProgram client)
    {
        using var page = await browser.GetAsync(Provider.Login(await BeginAsync(browser, client)));
        var html = await page.Content.ReadAsStringAsync(Stop);
        page.StatusCode.ShouldBe(HttpStatusCode.OK, html);
        return CodeOf(html);
    }

    /// <summary>Begins a sign-in; answers where the provider is.</summary>
    public static async Task<Uri> BeginAsync(Browser browser, SignOnProgram client, string organisation = Organisation)
    {
        using var begun = await browser.GetAsync($"{Browser.PublicUrl}/login/{organisation}?{client.Query}");
        begun.StatusCode.ShouldBe(HttpStatusCode.Redirect, await begun.Content.ReadAsStringAsync(Stop));
        return begun.Headers.Location!;
    }

    public Task<HttpResponseMessage> RedeemAsync(string code, SignOnProgram client, string? secondFactor = null) =>
        Node.Anonymous.PostAsJsonAsync("/api/v1/sessions/single-sign-on", new { code, verifier = client.Verifier, secondFactor }, Stop);

    /// <summary>The code that a page shows.</summary>
    public static string CodeOf(string html) => ShownCode().Match(html).Groups[1].Value;

    /// <summary>The refusal that a page shows, whose status is the one of the answer.</summary>
    public static async Task<string> RefusalOfAsync(HttpResponseMessage page)
    {
        var html = await page.Content.ReadAsStringAsync(Stop);
        page.Content.Headers.ContentType!.MediaType.ShouldBe("text/html");
        page.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("default-src 'none'");
        page.Headers.CacheControl!.NoStore.ShouldBeTrue();
        var code = ShownRefusal().Match(html).Groups[1].Value;
        Stoa.Node.Http.Problems.All[code].Status.ShouldBe((int)page.StatusCode);
        return code;
    }

    public async ValueTask DisposeAsync()
    {
        Boss.Dispose();
        await Node.DisposeAsync();
        await Provider.DisposeAsync();
    }

    [GeneratedRegex("<pre><code>([a-z2-7-]{39})</code></pre>")]
    private static partial Regex ShownCode();

    [GeneratedRegex("<a href=\"/problems/\\w+\"><code>(\\w+)</code></a>")]
    private static partial Regex ShownRefusal();
}

/// <summary>The program that a person signs in with.</summary>
public sealed record SignOnProgram(int? Port = null)
{
    public string Verifier { get; } = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    public string State { get; } = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(8));

    /// <summary>What it has the browser begin with.</summary>
    public string Query => $"code_challenge={CodeChallenge.Of(Verifier)}&state={State}{(Port is null ? "" : $"&port={Port}")}";
}

/// <summary>One organisation with a provider for all tests of a class.</summary>
public sealed class SharedSignOnCase : IAsyncLifetime
{
    private SignOnCase? _case;

    public SignOnCase Case => _case!;

    public async ValueTask InitializeAsync() => _case = await SignOnCase.StartAsync();

    public ValueTask DisposeAsync() => _case!.DisposeAsync();
}
