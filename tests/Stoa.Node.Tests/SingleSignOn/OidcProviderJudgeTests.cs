using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Stoa.Client.Contracts;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>A provider that others have written, certified for OpenID Connect, on the other side: its own documents, forms, tokens and refusals.</summary>
[Trait("needs", "node")]
public sealed partial class OidcProviderJudgeTests : IAsyncLifetime
{
    private const string Secret = "a long enough secret of the judge";

    private RunningNode _node = null!;
    private HttpClient _boss = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await RunningNode.StartAsync(SignOnCase.Options);
        _boss = await _node.NewMemberAsync("boss");
        (await _boss.PostAsJsonAsync("/api/v1/organisations", new { handle = "acme", name = "Acme" }, Stop)).EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        _boss.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task People_SignInByItsForms_WithTheirRoles_AndAgain()
    {
        using var judge = await StartAsync();
        var issuer = await IssuerOfAsync(judge);
        await SetAsync(issuer, Secret);
        (await TestAsync()).Passed.ShouldBeTrue();

        using var browser = new Browser { Node = _node };
        var first = await SignInAsync(browser, "grace");
        var again = await SignInAsync(browser, "grace");
        using var elsewhere = new Browser { Node = _node };
        var other = await SignInAsync(elsewhere, "dora");

        (first.User.Handle, first.User.Email, again.User.Id, other.User.Handle).ShouldBe(("grace", "grace@example.org", first.User.Id, "dora"));
        var members = await RunningNode.ReadAsync<ListResponse<MemberResponse>>(await _boss.GetAsync("/api/v1/organisations/acme/members", Stop));
        members.Items.Select(member => $"{member.Handle} {member.Role}").ShouldBe(["boss admin", "grace developer", "dora developer"], ignoreOrder: true);
    }

    [Fact]
    public async Task WrongSecret_AndARefusalByThePerson_AreSaid()
    {
        using var judge = await StartAsync();
        var issuer = await IssuerOfAsync(judge);
        await SetAsync(issuer, "not the secret of the judge");
        var test = await TestAsync();
        (test.Passed, test.Checks[0].Passed).ShouldBe((false, true));
        test.Checks[1].Detail.ShouldContain("invalid_client");

        await SetAsync(issuer, Secret);
        using var browser = new Browser { Node = _node };
        using var page = await browser.GetAsync((await SignOnCase.BeginAsync(browser, new SignOnProgram())).AbsoluteUri);
        using var form = await FollowAsync(browser, page);
        using var refused = await FollowAsync(browser, await browser.GetAsync(FormOf(await form.Content.ReadAsStringAsync(Stop)).Action + "/abort"));

        (await SignOnCase.RefusalOfAsync(refused)).ShouldBe("signOnDenied");
        (await refused.Content.ReadAsStringAsync(Stop)).ShouldContain("access_denied");
    }

    private async Task<SessionResponse> SignInAsync(Browser browser, string name)
    {
        var client = new SignOnProgram();
        var page = await FollowAsync(browser, await browser.GetAsync((await SignOnCase.BeginAsync(browser, client)).AbsoluteUri));
        // The login form, then the one of consent; whoever has been there before sees neither.
        for (var forms = 0; forms < 3 && FormOf(await page.Content.ReadAsStringAsync(Stop)) is { Action.Length: > 0 } form; forms++)
            page = await FollowAsync(browser, await browser.PostAsync(form.Action, ("prompt", form.Prompt), ("login", name), ("password", "any")));
        var html = await page.Content.ReadAsStringAsync(Stop);
        page.StatusCode.ShouldBe(HttpStatusCode.OK, html);
        using var redeemed = await _node.Anonymous.PostAsJsonAsync(
            "/api/v1/sessions/single-sign-on", new { code = SignOnCase.CodeOf(html), verifier = client.Verifier }, Stop);
        return await RunningNode.ReadAsync<SessionResponse>(redeemed);
    }

    private static async Task<HttpResponseMessage> FollowAsync(Browser browser, HttpResponseMessage response)
    {
        for (var hops = 0; hops < 10 && (int)response.StatusCode is >= 300 and < 400; hops++)
        {
            var next = new Uri(response.RequestMessage!.RequestUri!, response.Headers.Location!);
            response.Dispose();
            response = await browser.GetAsync(next.AbsoluteUri);
        }

        return response;
    }

    private async Task SetAsync(string issuer, string clientSecret)
    {
        using var set = await _boss.PutAsJsonAsync(
            "/api/v1/organisations/acme/identity-provider",
            new
            {
                issuer,
                clientId = "stoa",
                clientSecret,
                domains = new[] { "example.org" },
                roleClaim = "groups",
                scopes = new[] { "groups" },
                roles = new Dictionary<string, string> { ["stoa-developers"] = "developer" },
            },
            Stop);
        set.StatusCode.ShouldBe(HttpStatusCode.OK, await set.Content.ReadAsStringAsync(Stop));
    }

    private async Task<IdentityProviderTestResponse> TestAsync() =>
        await RunningNode.ReadAsync<IdentityProviderTestResponse>(await _boss.PostAsync("/api/v1/organisations/acme/identity-provider/test", null, Stop));

    private static async Task<Judge> StartAsync()
    {
        var folder = await NpmJudge.InstallAsync("oidc-provider", Stop);
        var client = JsonSerializer.Serialize(new { clientId = "stoa", clientSecret = Secret, redirectUri = Browser.PublicUrl + "/login/acme/callback" });
        try
        {
            return new Judge(NpmJudge.Start("node", folder, [Path.Combine(folder, "provider.mjs"), client]));
        }
        catch (Win32Exception)
        {
            Assert.Skip("Node is needed to run oidc-provider.");
            throw;
        }
    }

    private static async Task<string> IssuerOfAsync(Judge judge)
    {
        var said = judge.Process.StandardError.ReadToEndAsync(Stop);
        return await judge.Process.StandardOutput.ReadLineAsync(Stop) ?? throw new InvalidOperationException(await said);
    }

    private static (string Action, string Prompt) FormOf(string html) => (Action().Match(html).Groups[1].Value, Prompt().Match(html).Groups[1].Value);

    [GeneratedRegex("<form[^>]* action=\"([^\"]+)\"")]
    private static partial Regex Action();

    [GeneratedRegex("name=\"prompt\" value=\"(\\w+)\"")]
    private static partial Regex Prompt();

    private sealed record Judge(Process Process) : IDisposable
    {
        // It ends with its standard input.
        public void Dispose()
        {
            Process.StandardInput.Close();
            Process.WaitForExit();
            Process.Dispose();
        }
    }
}
