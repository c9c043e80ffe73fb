using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>Providers, and people between them and a node, who mean harm.</summary>
[Trait("speed", "slow")]
public sealed class EvilProviderTests : IClassFixture<SharedSignOnCase>
{
    private readonly SignOnCase _case;

    public EvilProviderTests(SharedSignOnCase shared)
    {
        _case = shared.Case;
        Provider.Reset();
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private FakeProvider Provider => _case.Provider;

    public static TheoryData<string> Forgeries => [.. s_forgeries.Keys];

    private static readonly Dictionary<string, Action<FakeProvider>> s_forgeries = new()
    {
        ["another nonce"] = provider => provider.Alter = claims => claims["nonce"] = "another",
        ["no nonce"] = provider => provider.Alter = claims => claims.Remove("nonce"),
        ["a nonce that is no text"] = provider => provider.Alter = claims => claims["nonce"] = 7,
        ["another audience"] = provider => provider.Alter = claims => claims["aud"] = "another",
        ["no audience"] = provider => provider.Alter = claims => claims.Remove("aud"),
        ["two audiences and no authorized party"] = provider => provider.Alter = claims => claims["aud"] = new[] { "another", FakeProvider.ClientId },
        ["another authorized party"] = provider => provider.Alter = claims => claims["azp"] = "another",
        ["another issuer"] = provider => provider.Alter = claims => claims["iss"] = "https://login.example.org",
        ["no issuer"] = provider => provider.Alter = claims => claims.Remove("iss"),
        ["no subject"] = provider => provider.Alter = claims => claims.Remove("sub"),
        ["an empty subject"] = provider => provider.Alter = claims => claims["sub"] = "",
        ["a long subject"] = provider => provider.Alter = claims => claims["sub"] = new string('x', 256),
        ["an end that is past"] = provider => provider.Alter = claims => claims["exp"] = DateTimeOffset.UtcNow.AddMinutes(-3).ToUnixTimeSeconds(),
        ["no end"] = provider => provider.Alter = claims => claims.Remove("exp"),
        ["a beginning that has not come"] = provider => provider.Alter = claims => claims["nbf"] = DateTimeOffset.UtcNow.AddMinutes(3).ToUnixTimeSeconds(),
        ["made in the future"] = provider => provider.Alter = claims => claims["iat"] = DateTimeOffset.UtcNow.AddMinutes(3).ToUnixTimeSeconds(),
        ["made at no time"] = provider => provider.Alter = claims => claims.Remove("iat"),
        ["no signature"] = provider => provider.Make = claims => FakeProvider.Jwt(new { alg = "none" }, claims, _ => []),
        ["no signature, with a key id"] = provider => provider.Make = claims => FakeProvider.Jwt(new { alg = "none", kid = provider.Kid }, claims, _ => []),
        ["the signature cut off"] = provider => provider.Make = claims => provider.SignHonestly(claims).Split('.') is var parts ? $"{parts[0]}.{parts[1]}." : "",
        ["an HMAC by the public key as PEM"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "HS256", typ = "JWT", kid = provider.Kid }, claims, bytes => HMACSHA256.HashData(Encoding.ASCII.GetBytes(provider.Key.ExportSubjectPublicKeyInfoPem()), bytes)),
        ["an HMAC by the public key as DER"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "HS256", typ = "JWT", kid = provider.Kid }, claims, bytes => HMACSHA256.HashData(provider.Key.ExportSubjectPublicKeyInfo(), bytes)),
        ["an HMAC by the modulus"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "HS256", typ = "JWT", kid = provider.Kid }, claims, bytes => HMACSHA256.HashData(provider.Key.ExportParameters(false).Modulus!, bytes)),
        ["an HMAC by the client's secret"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "HS256", typ = "JWT" }, claims, bytes => HMACSHA256.HashData(Encoding.UTF8.GetBytes(FakeProvider.Secret), bytes)),
        ["RS256 by another key under the same id"] = provider => provider.Make = claims =>
        {
            using var other = RSA.Create(2048);
            return FakeProvider.Jwt(new { alg = "RS256", kid = provider.Kid }, claims, bytes => other.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        },
        ["RS256 by a key that comes with it"] = provider => provider.Make = claims =>
        {
            using var other = RSA.Create(2048);
            var given = other.ExportParameters(false);
            var jwk = new { kty = "RSA", n = System.Buffers.Text.Base64Url.EncodeToString(given.Modulus), e = System.Buffers.Text.Base64Url.EncodeToString(given.Exponent) };
            return FakeProvider.Jwt(new { alg = "RS256", jwk }, claims, bytes => other.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        },
        ["an unknown key id"] = provider => provider.Make = claims => FakeProvider.Jwt(new { alg = "RS256", kid = "unknown" }, claims, provider.SignRs256),
        ["an algorithm of the name of none, in capitals"] = provider => provider.Make = claims => FakeProvider.Jwt(new { alg = "NONE", kid = provider.Kid }, claims, _ => []),
        ["no JWT at all"] = provider => provider.Make = _ => "nothing",
        ["a nonce that is half a character"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "RS256", kid = provider.Kid }, JsonSerializer.Serialize(claims).Replace("\"nonce\":\"", "\"nonce\":\"\\ud800", StringComparison.Ordinal), provider.SignRs256),
        ["a subject that is half a character"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "RS256", kid = provider.Kid }, JsonSerializer.Serialize(claims).Replace("\"subject-1\"", "\"\\udc00\"", StringComparison.Ordinal), provider.SignRs256),
        ["claims that nest deeply"] = provider => provider.Make = claims => FakeProvider.Jwt(
            new { alg = "RS256", kid = provider.Kid }, JsonSerializer.Serialize(claims)[..^1] + ",\"x\":" + new string('[', 50) + new string(']', 50) + "}", provider.SignRs256),
        ["claims that are no object"] = provider => provider.Make = _ => FakeProvider.Jwt(new { alg = "RS256", kid = provider.Kid }, "[]", provider.SignRs256),
        ["an encrypted one"] = provider => provider.Make = _ => "e30.e30.e30.e30.e30",
        ["claims that were changed after signing"] = provider => provider.Make = claims =>
        {
            var honest = provider.SignHonestly(claims).Split('.');
            claims["email"] = "boss@example.org";
            return $"{honest[0]}.{provider.SignHonestly(claims).Split('.')[1]}.{honest[2]}";
        },
    };

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task IdToken_ThatIsForged_LetsNobodyIn(string forgery)
    {
        // The honest one first: what is refused afterwards is refused for the forgery.
        await _case.SignInAsync();
        s_forgeries[forgery](Provider);

        using var browser = _case.NewBrowser();
        using var page = await browser.GetAsync(Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram())));

        (await SignOnCase.RefusalOfAsync(page)).ShouldBe("idTokenInvalid");
    }

    [Fact]
    public async Task Answer_ThatComesAgain_IsRefused_ThoughTheProviderTakesItAgain()
    {
        Provider.TakesEverything = true;
        using var browser = _case.NewBrowser();
        var answer = Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram()));
        var kept = browser.CookiesOf("stoa.test").Single();
        (await browser.GetAsync(answer)).EnsureSuccessStatusCode();

        (await SignOnCase.RefusalOfAsync(await browser.GetAsync(answer))).ShouldBe("signOnUnknown", "the browser has put it away");
        browser.SetCookie("stoa.test", kept.Key, kept.Value);
        (await SignOnCase.RefusalOfAsync(await browser.GetAsync(answer))).ShouldBe("signOnReplayed");
    }

    [Fact]
    public async Task Answer_ThatWasBegunElsewhere_IsRefused_AndEndsNoSignInOfTheBrowser()
    {
        using var attacker = _case.NewBrowser();
        using var victim = _case.NewBrowser();
        var planted = Provider.Login(await SignOnCase.BeginAsync(attacker, new SignOnProgram()));

        (await SignOnCase.RefusalOfAsync(await victim.GetAsync(planted))).ShouldBe("signOnUnknown", "a browser that has begun nothing");
        var own = Provider.Login(await SignOnCase.BeginAsync(victim, new SignOnProgram()));
        (await SignOnCase.RefusalOfAsync(await victim.GetAsync(planted))).ShouldBe("signOnUnknown", "a browser that has begun something else");
        (await victim.GetAsync(own)).EnsureSuccessStatusCode();
    }

    [Theory]
    [InlineData(false, "signOnDenied")]
    [InlineData(true, "idTokenInvalid")]
    public async Task Code_OfAnotherSignIn_IsRefusedByItsChallenge_AndElseByItsNonce(bool takesEverything, string refusal)
    {
        Provider.TakesEverything = takesEverything;
        using var attacker = _case.NewBrowser();
        using var victim = _case.NewBrowser();
        var stolen = Query(Provider.Login(await SignOnCase.BeginAsync(victim, new SignOnProgram())), "code");
        var own = Provider.Login(await SignOnCase.BeginAsync(attacker, new SignOnProgram()));

        using var page = await attacker.GetAsync(own.Replace($"code={Query(own, "code")}", $"code={stolen}", StringComparison.Ordinal));

        (await SignOnCase.RefusalOfAsync(page)).ShouldBe(refusal);
    }

    [Theory]
    [InlineData("https://login.example.org")]
    [InlineData("")]
    [InlineData(null)]
    public async Task Answer_OfAnotherIssuer_OrOfNoneWhereThereIsAlwaysOne_IsRefused(string? issuer)
    {
        using var browser = _case.NewBrowser();
        var answer = Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram()));
        var own = $"&iss={Uri.EscapeDataString(Provider.Issuer)}";
        answer.ShouldEndWith(own);

        using var page = await browser.GetAsync(answer[..^own.Length] + (issuer is null ? "" : "&iss=" + Uri.EscapeDataString(issuer)));

        (await SignOnCase.RefusalOfAsync(page)).ShouldBe("signOnIssuerWrong");
    }

    [Fact]
    public async Task Answer_AtTheAddressOfAnotherOrganisation_IsRefused()
    {
        await using var other = await FakeProvider.StartAsync();
        (await _case.Boss.PostAsync("/api/v1/organisations", System.Net.Http.Json.JsonContent.Create(new { handle = "other", name = "Other" }), Stop)).EnsureSuccessStatusCode();
        await SignOnCase.SetProviderAsync(_case.Boss, "other", other);
        using var browser = _case.NewBrowser();
        var answer = Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram()));

        using var page = await browser.GetAsync(answer.Replace("/login/acme/", "/login/other/", StringComparison.Ordinal));

        (await SignOnCase.RefusalOfAsync(page)).ShouldBe("signOnUnknown");
        other.Requests.ShouldNotContainKey("/token");
    }

    [Fact]
    public async Task SubjectOfAnotherIssuer_IsAnotherPerson()
    {
        await using var other = await FakeProvider.StartAsync();
        (await _case.Boss.PostAsync("/api/v1/organisations", System.Net.Http.Json.JsonContent.Create(new { handle = "another", name = "Another" }), Stop)).EnsureSuccessStatusCode();
        await SignOnCase.SetProviderAsync(_case.Boss, "another", other);
        await _case.SignInAsync();
        using var browser = _case.NewBrowser();
        var client = new SignOnProgram();
        (other.Subject, other.Email) = (Provider.Subject, Provider.Email);
        using var page = await browser.GetAsync(other.Login(await SignOnCase.BeginAsync(browser, client, "another")));

        using var redeemed = await _case.RedeemAsync(SignOnCase.CodeOf(await page.Content.ReadAsStringAsync(Stop)), client);

        (await RunningNode.ReadProblemAsync(redeemed)).Code.ShouldBe("identityUnlinked", "the same subject and address, but another issuer");
    }

    [Theory]
    [InlineData("code_challenge=short&state=x")]
    [InlineData("state=x")]
    [InlineData("code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    [InlineData("code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&state=a%20b")]
    [InlineData("code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&state=x&port=0")]
    [InlineData("code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&state=x&port=65536")]
    [InlineData("code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&state=x&port=80@evil.example")]
    [InlineData("code_challenge=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&state=x&port=1&port=2")]
    public async Task Beginning_ThatIsNotAsItMustBe_IsRefused(string query)
    {
        using var browser = _case.NewBrowser();
        using var page = await browser.GetAsync($"{Browser.PublicUrl}/login/acme?{query}");
        if (query.EndsWith("port=1&port=2", StringComparison.Ordinal))
            page.Headers.Location!.AbsoluteUri.ShouldStartWith(Provider.Issuer, Case.Sensitive, "a port that is said twice is none, and the code is shown");
        else
            (await SignOnCase.RefusalOfAsync(page)).ShouldBe("signOnInvalid");
    }

    [Fact]
    public async Task Refusal_OfTheProvider_IsSaidWithoutItsMarkup()
    {
        using var browser = _case.NewBrowser();
        var state = Query((await SignOnCase.BeginAsync(browser, new SignOnProgram())).AbsoluteUri, "state");
        using var page = await browser.GetAsync(
            $"{Browser.PublicUrl}/login/acme/callback?state={state}&iss={Uri.EscapeDataString(Provider.Issuer)}&error=access_denied%3Cscript%3E&error_description=%3Cscript%3E");

        (await SignOnCase.RefusalOfAsync(page)).ShouldBe("signOnDenied");
        var html = await page.Content.ReadAsStringAsync(Stop);
        html.ShouldContain("access_denied");
        html.ShouldNotContain("<script");
    }

    [Fact]
    public async Task Cookie_ThatWasChanged_IsNone()
    {
        using var browser = _case.NewBrowser();
        var answer = Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram()));
        var (name, value) = browser.CookiesOf("stoa.test").Single();
        foreach (var changed in new[] { value[..^2], value[..20] + (value[20] == 'A' ? 'B' : 'A') + value[21..], "%00", new string('A', 5000), "" })
        {
            browser.SetCookie("stoa.test", name, changed);
            (await SignOnCase.RefusalOfAsync(await browser.GetAsync(answer))).ShouldBe("signOnUnknown");
        }

        browser.SetCookie("stoa.test", name, value);
        (await browser.GetAsync(answer)).EnsureSuccessStatusCode();
    }

    private static string Query(string url, string name) =>
        Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(new Uri(url).Query)[name].Single()!;
}
