using System.Net;
using System.Net.Http.Json;
using Stoa.Client.Contracts;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>Setting up the provider of an organisation.</summary>
[Trait("speed", "slow")]
public sealed class IdentityProvidersTests : IAsyncLifetime
{
    private const string Path = "/api/v1/organisations/acme/identity-provider";

    private SignOnCase _case = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _case = await SignOnCase.StartAsync();

    public ValueTask DisposeAsync() => _case.DisposeAsync();

    [Fact]
    public async Task Provider_IsShownWithoutItsSecret_AndKeepsItForTheSameClientAlone()
    {
        using var shown = await _case.Boss.GetAsync(Path, Stop);
        (await shown.Content.ReadAsStringAsync(Stop)).ShouldNotContain("secret", Case.Insensitive);
        var provider = await RunningNode.ReadAsync<IdentityProviderResponse>(shown);
        (provider.RedirectUri, provider.LoginUrl).ShouldBe(("http://stoa.test/login/acme/callback", "http://stoa.test/login/acme"));

        var body = new { issuer = _case.Provider.Issuer, clientId = FakeProvider.ClientId, domains = new[] { "example.org", "example.com" } };
        (await RunningNode.ReadAsync<IdentityProviderResponse>(await _case.Boss.PutAsJsonAsync(Path, body, Stop))).Domains.ShouldBe(["example.org", "example.com"]);
        (await _case.SignInAsync()).User.Handle.ShouldBe("grace-hopper", "by the secret that was kept");
        foreach (var other in new object[] { new { issuer = "http://127.0.0.1:9", body.clientId, body.domains }, new { body.issuer, clientId = "another", body.domains } })
        {
            var problem = await RunningNode.ReadProblemAsync(await _case.Boss.PutAsJsonAsync(Path, other, Stop));
            (problem.Code, problem.Errors!.Single().Pointer).ShouldBe(("identityProviderInvalid", "/clientSecret"));
        }
    }

    [Fact]
    public async Task Test_SaysWhatIsWrong()
    {
        (await TestAsync()).ShouldBe((true, "discovery client"));

        await PutAsync(secret: "another");
        var (passed, detail) = await TestDetailAsync();
        passed.ShouldBeFalse();
        detail.ShouldContain("invalid_client");

        await PutAsync();
        _case.Provider.AlterDiscovery = document => document["issuer"] = "https://login.example.org";
        (await TestDetailAsync()).Detail.ShouldContain("https://login.example.org");

        await PutAsync(issuer: "http://127.0.0.1:1");
        (await TestDetailAsync()).Detail.ShouldContain("No connection could be made");
    }

    [Fact]
    public async Task SignIn_WithAWrongSecret_IsRefused_AndTheSecretGoesNowhereElse()
    {
        await PutAsync(secret: "another");
        using var browser = _case.NewBrowser();
        using var page = await browser.GetAsync(_case.Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram())));

        (await SignOnCase.RefusalOfAsync(page)).ShouldBe("signOnDenied");
        (await page.Content.ReadAsStringAsync(Stop)).ShouldContain("invalid_client");
    }

    [Fact]
    public async Task Provider_ThatBreaksTheRules_IsRefusedWithEveryReason()
    {
        var problem = await RunningNode.ReadProblemAsync(await _case.Boss.PutAsJsonAsync(
            Path,
            new
            {
                issuer = "ftp://u:p@login.example.org/?x",
                clientId = "",
                clientSecret = "",
                domains = new[] { "EXAMPLE.org", "nodots", "*.example.org" },
                roles = new { x = "king" },
                scopes = new[] { "a b" },
            },
            Stop));

        problem.Code.ShouldBe("identityProviderInvalid");
        problem.Errors!.Select(error => error.Pointer).Distinct().ShouldBe(
            ["/issuer", "/clientId", "/clientSecret", "/domains/0", "/domains/1", "/domains/2", "/roles", "/scopes"], ignoreOrder: true);
    }

    [Fact]
    public async Task Issuer_OfThisMachine_IsRefusedWhereTheOperatorDoesNotAllowIt()
    {
        await using var node = await RunningNode.StartAsync("--singleSignOn:publicUrl", "https://stoa.example.org");
        using var boss = await node.NewMemberAsync("boss");
        (await boss.PostAsJsonAsync("/api/v1/organisations", new { handle = "acme", name = "Acme" }, Stop)).EnsureSuccessStatusCode();
        foreach (var issuer in new[] { "https://127.0.0.1", "https://localhost", "https://a.localhost", "https://169.254.169.254/latest", "https://[::1]", "https://10.1.2.3", "https://0x7f000001", "http://login.example.org" })
        {
            var problem = await RunningNode.ReadProblemAsync(await boss.PutAsJsonAsync(Path, new { issuer, clientId = "x", clientSecret = "x", domains = new[] { "example.org" } }, Stop));
            problem.Errors!.Single().Pointer.ShouldBe("/issuer", issuer);
        }
    }

    [Fact]
    public async Task Node_WithoutAPublicAddress_SaysThatItHasNoSingleSignOn()
    {
        await using var node = await RunningNode.StartAsync();
        using var boss = await node.NewMemberAsync("boss");
        (await boss.PostAsJsonAsync("/api/v1/organisations", new { handle = "acme", name = "Acme" }, Stop)).EnsureSuccessStatusCode();

        var set = await boss.PutAsJsonAsync(Path, new { issuer = "https://login.example.org", clientId = "x", clientSecret = "x", domains = new[] { "example.org" } }, Stop);
        (await RunningNode.ReadProblemAsync(set)).Code.ShouldBe("singleSignOnOff");
        (await RunningNode.ReadProblemAsync(await node.Anonymous.GetAsync("/api/v1/single-sign-on/acme", Stop))).Code.ShouldBe("singleSignOnOff");
        (await SignOnCase.RefusalOfAsync(await node.Anonymous.GetAsync("/login/acme", Stop))).ShouldBe("singleSignOnOff");
        (await SignOnCase.RefusalOfAsync(await node.Anonymous.GetAsync("/login/acme/callback", Stop))).ShouldBe("singleSignOnOff");
    }

    [Fact]
    public async Task LoginAddress_IsToldToAnybody_OfOrganisationsWithAProvider()
    {
        var found = await RunningNode.ReadAsync<SingleSignOnResponse>(await _case.Node.Anonymous.GetAsync("/api/v1/single-sign-on/acme", Stop));
        found.LoginUrl.ShouldBe("http://stoa.test/login/acme");
        foreach (var handle in new[] { "boss", "nobody-there", "Not A Handle" })
            (await RunningNode.ReadProblemAsync(await _case.Node.Anonymous.GetAsync($"/api/v1/single-sign-on/{handle}", Stop))).Code.ShouldBe("identityProviderMissing");
    }

    [Fact]
    public async Task NewAccounts_AreTheOperatorsChoice()
    {
        await using var closed = await SignOnCase.StartAsync("--singleSignOn:newAccounts", "false");
        using var browser = closed.NewBrowser();
        var client = new SignOnProgram();
        var code = await closed.PassAsync(browser, client);

        (await RunningNode.ReadProblemAsync(await closed.RedeemAsync(code, client))).Code.ShouldBe("newAccountsOff");
    }

    [Fact]
    public async Task Organisation_ThatIsDeleted_LosesItsProvider()
    {
        (await _case.Boss.DeleteAsync("/api/v1/organisations/acme", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await RunningNode.ReadProblemAsync(await _case.Node.Anonymous.GetAsync("/api/v1/single-sign-on/acme", Stop))).Code.ShouldBe("identityProviderMissing");
    }

    private async Task PutAsync(string? issuer = null, string secret = FakeProvider.Secret) =>
        (await _case.Boss.PutAsJsonAsync(
            Path, new { issuer = issuer ?? _case.Provider.Issuer, clientId = FakeProvider.ClientId, clientSecret = secret, domains = new[] { "example.org" } }, Stop)).EnsureSuccessStatusCode();

    private async Task<(bool Passed, string Checks)> TestAsync()
    {
        var test = await RunningNode.ReadAsync<IdentityProviderTestResponse>(await _case.Boss.PostAsync(Path + "/test", null, Stop));
        return (test.Passed, string.Join(' ', test.Checks.Select(check => check.Name)));
    }

    private async Task<(bool Passed, string Detail)> TestDetailAsync()
    {
        var test = await RunningNode.ReadAsync<IdentityProviderTestResponse>(await _case.Boss.PostAsync(Path + "/test", null, Stop));
        return (test.Passed, test.Checks[^1].Detail);
    }
}
