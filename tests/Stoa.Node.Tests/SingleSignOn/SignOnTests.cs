using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Microsoft.AspNetCore.WebUtilities;
using Stoa.Client.Contracts;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Tests.SingleSignOn;

/// <summary>Signing in by the provider of an organisation: accounts, roles, links, and what becomes of passwords.</summary>
[Trait("speed", "slow")]
public sealed class SignOnTests : IAsyncLifetime
{
    private SignOnCase _case = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _case = await SignOnCase.StartAsync();

    public ValueTask DisposeAsync() => _case.DisposeAsync();

    [Fact]
    public async Task FirstSignIn_MakesTheAccountAndJoins_TheNextFindsIt()
    {
        var first = await _case.SignInAsync();
        _case.Provider.Email = "married@example.org";
        var second = await _case.SignInAsync();

        (first.User.Handle, first.User.Email, first.User.Role).ShouldBe(("grace-hopper", "grace@example.org", "member"));
        second.User.ShouldBe(first.User, "issuer and subject are the person, whatever the address is");
        using var grace = _case.Node.NewClient(second.Token);
        (await MembersAsync()).ShouldBe(["boss admin", "grace-hopper viewer"]);
        (await RunningNode.ReadAsync<WalletResponse>(await grace.GetAsync("/api/v1/wallet", Stop))).Posted.ShouldBe("0.000000000");
        var identity = (await RunningNode.ReadAsync<ListResponse<IdentityResponse>>(await grace.GetAsync("/api/v1/users/me/identities", Stop))).Items.Single();
        (identity.Issuer, identity.Subject, identity.Email).ShouldBe((_case.Provider.Issuer, "subject-1", "married@example.org"));
    }

    [Fact]
    public async Task Session_IsAsAnyOther_ButEndsWithItsHours()
    {
        var opened = await _case.SignInAsync();

        opened.RefreshExpiresAt.ShouldBeInRange(DateTimeOffset.UtcNow.AddHours(11.9), DateTimeOffset.UtcNow.AddHours(12.1));
        using var refreshed = await _case.Node.Anonymous.PostAsJsonAsync("/api/v1/sessions/refresh", new { opened.RefreshToken }, Stop);
        var next = await RunningNode.ReadAsync<SessionResponse>(refreshed);
        (next.SessionId, next.RefreshExpiresAt).ShouldBe((opened.SessionId, opened.RefreshExpiresAt), "however much it is used");
        next.RefreshToken.ShouldNotBe(opened.RefreshToken);
    }

    [Fact]
    public async Task Handles_AreMadeOfNamesAndMadeUnique()
    {
        var handles = new List<string>();
        foreach (var (subject, name, email) in new[]
        {
            ("a", "Grace Hopper", "a@example.org"), ("b", "grace.hopper", "b@example.org"), ("c", "admin", "c@example.org"), ("d", (string?)null, "Dora.Q+x@example.org"),
            ("e", "漢字", "e@example.org"), ("f", new string('x', 100), "f@example.org"),
        })
        {
            (_case.Provider.Subject, _case.Provider.PreferredName, _case.Provider.Email) = (subject, name, email);
            handles.Add((await _case.SignInAsync()).User.Handle);
        }

        handles.ShouldBe(["grace-hopper", "grace-hopper-2", "admin-2", "dora-q-x", "member", new string('x', 30)]);
    }

    [Fact]
    public async Task Roles_AreThoseOfTheClaim_AtEachSignIn_ButTheLastAdministratorStays()
    {
        await _case.SetProviderAsync(new Dictionary<string, string> { ["makers"] = "developer", ["bosses"] = "admin" });
        foreach (var (groups, role) in new[] { (["makers"], "developer"), (["x", "bosses", "makers"], "admin"), (["strangers"], "viewer"), ((string[]?)null, "viewer"), (["bosses"], "admin") })
        {
            _case.Provider.Groups = groups;
            using var grace = _case.Node.NewClient((await _case.SignInAsync()).Token);
            (await RunningNode.ReadAsync<OrganisationResponse>(await grace.GetAsync("/api/v1/organisations/acme", Stop))).Role.ShouldBe(role);
        }

        (await _case.Boss.DeleteAsync("/api/v1/organisations/acme/membership", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        _case.Provider.Groups = [];
        using var last = _case.Node.NewClient((await _case.SignInAsync()).Token);
        (await RunningNode.ReadAsync<OrganisationResponse>(await last.GetAsync("/api/v1/organisations/acme", Stop))).Role.ShouldBe("admin");
    }

    [Fact]
    public async Task Role_ThatWasGivenHere_StaysWithoutAMapping()
    {
        await _case.SignInAsync();
        (await _case.Boss.PutAsJsonAsync("/api/v1/organisations/acme/members/grace-hopper", new { role = "developer" }, Stop)).EnsureSuccessStatusCode();

        await _case.SignInAsync();

        (await MembersAsync()).ShouldContain("grace-hopper developer");
    }

    [Fact]
    public async Task Claims_OfUserinfo_AreTaken_ButNotOfAnotherPerson()
    {
        await _case.SetProviderAsync(new Dictionary<string, string> { ["makers"] = "developer" });
        (_case.Provider.HasUserInfo, _case.Provider.Groups) = (true, ["makers"]);

        (await _case.SignInAsync()).User.Email.ShouldBe("grace@example.org");
        (await MembersAsync()).ShouldContain("grace-hopper developer");

        _case.Provider.UserInfoSubject = "somebody-else";
        (await RefusedAsync()).ShouldBe("idTokenInvalid");
    }

    [Theory]
    [InlineData("grace@example.org", false, "signOnEmailRefused")]
    [InlineData("grace@example.org", "false", "signOnEmailRefused")]
    [InlineData("grace@example.org", null, "signOnEmailRefused")]
    [InlineData("grace@evil.example", true, "signOnEmailRefused")]
    [InlineData("grace@sub.example.org", true, "signOnEmailRefused")]
    [InlineData("grace@example.org@evil.example", true, "signOnEmailRefused")]
    [InlineData("not an address", true, "signOnEmailRefused")]
    [InlineData(null, true, "signOnEmailRefused")]
    [InlineData("GRACE@EXAMPLE.ORG", "true", null)]
    public async Task Address_MustBeVerifiedAndOfADomain(string? email, object? verified, string? refusal)
    {
        (_case.Provider.Email, _case.Provider.EmailVerified) = (email, verified);

        if (refusal is null)
            (await _case.SignInAsync()).User.Email.ShouldBe("grace@example.org");
        else
            (await RefusedAsync()).ShouldBe(refusal);
    }

    [Fact]
    public async Task Address_OfAProviderThatSaysNothing_IsTakenWhereTheOrganisationTrustsIt()
    {
        await _case.SetProviderAsync(trustsEmail: true);
        _case.Provider.EmailVerified = null;
        (await _case.SignInAsync()).User.Email.ShouldBe("grace@example.org");
        _case.Provider.EmailVerified = false;
        (await RefusedAsync()).ShouldBe("signOnEmailRefused");
    }

    [Fact]
    public async Task Account_WithTheSameAddress_IsNotTakenOver_ButLinkedByItsOwner()
    {
        using var owner = await _case.Node.NewMemberAsync("grace");
        using var browser = _case.NewBrowser();
        var client = new SignOnProgram();
        var code = await _case.PassAsync(browser, client);

        using var refused = await _case.RedeemAsync(code, client);
        (await RunningNode.ReadProblemAsync(refused)).Code.ShouldBe("identityUnlinked");
        (await MembersAsync()).ShouldBe(["boss admin"]);

        // The code is not used up by the refusal: its own program links by it.
        using var linked = await owner.PostAsJsonAsync("/api/v1/users/me/identities", new { code, verifier = client.Verifier }, Stop);
        var identity = await RunningNode.ReadAsync<IdentityResponse>(linked);
        (await _case.SignInAsync()).User.Handle.ShouldBe("grace");
        (await MembersAsync()).ShouldContain("grace viewer");

        // It has a password, so it can do without the provider.
        (await owner.DeleteAsync($"/api/v1/users/me/identities/{identity.Id}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await RunningNode.ReadProblemAsync(await owner.DeleteAsync($"/api/v1/users/me/identities/{identity.Id}", Stop))).Code.ShouldBe("identityUnknown");
    }

    [Fact]
    public async Task Link_NeedsASession_AndAnIdentityOpensOneAccount()
    {
        await _case.SignInAsync();
        using var other = await _case.Node.NewMemberAsync("other");
        using var browser = _case.NewBrowser();
        var client = new SignOnProgram();
        var body = new { code = await _case.PassAsync(browser, client), verifier = client.Verifier };

        (await RunningNode.ReadProblemAsync(await _case.Node.Admin.PostAsJsonAsync("/api/v1/users/me/identities", body, Stop))).Code.ShouldBe("sessionNeeded");
        (await RunningNode.ReadProblemAsync(await other.PostAsJsonAsync("/api/v1/users/me/identities", body, Stop))).Code.ShouldBe("identityTaken");
    }

    [Fact]
    public async Task AccountOfAProvider_HasNeitherPasswordNorSecondFactor_AndKeepsItsIdentity()
    {
        using var grace = _case.Node.NewClient((await _case.SignInAsync()).Token);
        var identity = (await RunningNode.ReadAsync<ListResponse<IdentityResponse>>(await grace.GetAsync("/api/v1/users/me/identities", Stop))).Items.Single();

        (await RunningNode.ReadProblemAsync(await grace.PutAsJsonAsync("/api/v1/users/me/password", new { newPassword = "a horse with other batteries" }, Stop))).Code.ShouldBe("passwordByProvider");
        (await RunningNode.ReadProblemAsync(await grace.PostAsJsonAsync("/api/v1/users/me/totp", new { }, Stop))).Code.ShouldBe("passwordByProvider");
        (await RunningNode.ReadProblemAsync(await grace.DeleteAsync($"/api/v1/users/me/identities/{identity.Id}", Stop))).Code.ShouldBe("identityLast");
        using var guessed = await _case.Node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "grace-hopper", password = "" }, Stop);
        (await RunningNode.ReadProblemAsync(guessed)).Code.ShouldBe("credentialsWrong");
    }

    [Fact]
    public async Task LinkedAccount_WithASecondFactor_IsAskedForIt_AndTheCodeOfTheSignInWaits()
    {
        const string password = "correct horse battery";
        using var owner = await _case.Node.NewMemberAsync("grace");
        using var browser = _case.NewBrowser();
        var linking = new SignOnProgram();
        (await owner.PostAsJsonAsync("/api/v1/users/me/identities", new { code = await _case.PassAsync(browser, linking), verifier = linking.Verifier }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);
        var totp = await RunningNode.ReadAsync<TotpResponse>(await owner.PostAsJsonAsync("/api/v1/users/me/totp", new { password }, Stop));
        Base32.TryDecode(totp.Secret.ToLowerInvariant(), out var secret).ShouldBeTrue();
        var recovery = await RunningNode.ReadAsync<RecoveryCodesResponse>(await owner.PostAsJsonAsync(
            "/api/v1/users/me/totp/confirmation", new { code = Totp.Compute(secret, Totp.StepOf(DateTimeOffset.UtcNow)) }, Stop));

        var client = new SignOnProgram();
        var code = await _case.PassAsync(browser, client);
        (await RunningNode.ReadProblemAsync(await _case.RedeemAsync(code, client))).Code.ShouldBe("secondFactorNeeded");
        (await RunningNode.ReadProblemAsync(await _case.RedeemAsync(code, client, "000000"))).Code.ShouldBe("secondFactorWrong");
        (await RunningNode.ReadAsync<SessionResponse>(await _case.RedeemAsync(code, client, recovery.Codes[0]))).User.Handle.ShouldBe("grace");
    }

    [Fact]
    public async Task Program_ThatListens_IsToldOnItsOwnMachine_OfSuccessAndOfFailure()
    {
        using var browser = _case.NewBrowser();
        var client = new SignOnProgram(Port: 40123);
        using var told = await browser.GetAsync(_case.Provider.Login(await SignOnCase.BeginAsync(browser, client)));

        told.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        told.Headers.Location!.GetLeftPart(UriPartial.Path).ShouldBe("http://127.0.0.1:40123/");
        var query = QueryHelpers.ParseQuery(told.Headers.Location.Query);
        query["state"].Single().ShouldBe(client.State);
        (await RunningNode.ReadAsync<SessionResponse>(await _case.RedeemAsync(query["code"].Single()!, client))).User.Handle.ShouldBe("grace-hopper");

        _case.Provider.Email = "grace@evil.example";
        using var failed = await browser.GetAsync(_case.Provider.Login(await SignOnCase.BeginAsync(browser, client)));
        query = QueryHelpers.ParseQuery(failed.Headers.Location!.Query);
        (query["error"].Single(), query["state"].Single()).ShouldBe(("signOnEmailRefused", client.State));
        query["error_description"].Single()!.ShouldContain("evil.example");
        query.ContainsKey("code").ShouldBeFalse();
    }

    [Fact]
    public async Task Code_IsGoodOnce_ForItsOwnProgram()
    {
        using var browser = _case.NewBrowser();
        var (client, thief) = (new SignOnProgram(), new SignOnProgram());
        var code = await _case.PassAsync(browser, client);

        (await RunningNode.ReadProblemAsync(await _case.RedeemAsync(code, thief))).Code.ShouldBe("signOnCodeWrong");
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _case.RedeemAsync(code.ToUpperInvariant(), client)));
        outcomes.Count(outcome => outcome.StatusCode is HttpStatusCode.Created).ShouldBe(1);
        outcomes.Where(outcome => outcome.StatusCode is not HttpStatusCode.Created).ShouldAllBe(outcome => outcome.StatusCode == HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task SignIn_IsInTheAuditLogAndInTheExport()
    {
        var opened = await _case.SignInAsync();
        using var grace = _case.Node.NewClient(opened.Token);

        var entries = await RunningNode.ReadAsync<ListResponse<AuditEntryResponse>>(await grace.GetAsync("/api/v1/audit", Stop));
        entries.Items.ShouldContain(entry => entry.Act == "createSessionBySingleSignOn" && entry.Actor == opened.User.Id && entry.Status == 201);
        using var export = await grace.PostAsync("/api/v1/users/me/export", null, Stop);
        (await export.Content.ReadAsStringAsync(Stop)).ShouldContain("subject-1");
    }

    [Theory]
    [InlineData("PS256")]
    [InlineData("RS512")]
    [InlineData("ES256")]
    public async Task IdToken_OfOtherGoodAlgorithms_IsTaken(string algorithm)
    {
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = curve.ExportParameters(false).Q;
        _case.Provider.AlterKeys = keys => keys.Add(new()
        {
            ["kty"] = "EC",
            ["crv"] = "P-256",
            ["kid"] = "curve",
            ["x"] = System.Buffers.Text.Base64Url.EncodeToString(point.X),
            ["y"] = System.Buffers.Text.Base64Url.EncodeToString(point.Y),
        });
        _case.Provider.Make = claims => FakeProvider.Jwt(new { alg = algorithm, kid = algorithm == "ES256" ? "curve" : _case.Provider.Kid }, claims, bytes => algorithm switch
        {
            "PS256" => _case.Provider.Key.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
            "RS512" => _case.Provider.Key.SignData(bytes, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
            _ => curve.SignData(bytes, HashAlgorithmName.SHA256),
        });

        (await _case.SignInAsync()).User.Handle.ShouldBe("grace-hopper");
    }

    [Fact]
    public async Task IdToken_ByAnHmac_IsRefused_ThoughTheProviderPublishesTheKey()
    {
        var shared = RandomNumberGenerator.GetBytes(32);
        _case.Provider.AlterKeys = keys => keys.Add(new() { ["kty"] = "oct", ["use"] = "sig", ["kid"] = "shared", ["k"] = System.Buffers.Text.Base64Url.EncodeToString(shared) });
        _case.Provider.Make = claims => FakeProvider.Jwt(new { alg = "HS256", kid = "shared" }, claims, bytes => HMACSHA256.HashData(shared, bytes));

        (await RefusedAsync()).ShouldBe("idTokenInvalid");
    }

    [Fact]
    public async Task Letter_ForAForgottenPassword_GoesToNobodyWhoHasNone()
    {
        await using var box = new LetterBox();
        await using var mailing = await SignOnCase.StartAsync(box);
        await mailing.SignInAsync();

        foreach (var email in new[] { "grace@example.org", "boss@example.org" })
            (await mailing.Node.Anonymous.PostAsJsonAsync("/api/v1/password-resets/letters", new { email }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Accepted);

        // They are written one after the other, so hers would have come first.
        await box.TakeCodeAsync("boss@example.org");
        box.HasMore.ShouldBeFalse();
    }

    [Fact]
    public async Task Account_ThatAProviderOpens_IsErasedBySession_AndThatIsUndoneBySignOn()
    {
        var opened = await _case.SignInAsync();
        using var grace = _case.Node.NewClient(opened.Token);
        using var made = await grace.PostAsJsonAsync("/api/v1/api-keys", new { name = "k" }, Stop);
        using var byKey = _case.Node.NewClient((await RunningNode.ReadAsync<ApiKeyResponse>(made)).Secret);
        (await RunningNode.ReadProblemAsync(await byKey.PutAsJsonAsync("/api/v1/users/me/erasure", new { }, Stop))).Code.ShouldBe("sessionNeeded");

        using var asked = await grace.PutAsJsonAsync("/api/v1/users/me/erasure", new { forfeit = true }, Stop);

        asked.StatusCode.ShouldBe(HttpStatusCode.Accepted, await asked.Content.ReadAsStringAsync(Stop));
        var client = new SignOnProgram();
        var code = await _case.PassAsync(_case.NewBrowser(), client);
        (await RunningNode.ReadProblemAsync(await _case.RedeemAsync(code, client))).Code.ShouldBe("erasurePending");
        foreach (var broken in new object[] { new { }, new { login = "grace-hopper" }, new { signOnCode = code }, new { login = "grace-hopper", password = "x", signOnCode = code, verifier = client.Verifier } })
            (await CancelAsync(broken)).ShouldBe("requestInvalid");
        (await CancelAsync(new { signOnCode = code, verifier = new SignOnProgram().Verifier })).ShouldBe("signOnCodeWrong");
        (await CancelAsync(new { signOnCode = code, verifier = client.Verifier })).ShouldBeNull("the refusals have not used it up");
        (await CancelAsync(new { signOnCode = code, verifier = client.Verifier })).ShouldBe("signOnCodeWrong");
        (await _case.SignInAsync()).User.ShouldBe(opened.User);

        async Task<string?> CancelAsync(object body)
        {
            using var answer = await _case.Node.Anonymous.PostAsJsonAsync("/api/v1/erasure-cancellations", body, Stop);
            return answer.StatusCode is HttpStatusCode.NoContent ? null : (await RunningNode.ReadProblemAsync(answer)).Code;
        }
    }

    [Theory]
    [InlineData("/login/acme/callback?state=x&code=y")]
    [InlineData("/api/v1/sessions/single-sign-on")]
    [InlineData("/api/v1/users/me/identities")]
    public async Task Door_OfASignOn_IsLimitedByAddress(string path)
    {
        const int limit = 20;
        await using var small = await SignOnCase.StartAsync("--http:signInsPerMinute", "20");
        var client = new SignOnProgram();
        var statuses = new List<HttpStatusCode>();
        for (var attempt = 0; attempt <= limit; attempt++)
        {
            using var answer = path.StartsWith("/login", StringComparison.Ordinal)
                ? await small.Node.Anonymous.GetAsync(path, Stop)
                : await small.Boss.PostAsJsonAsync(path, new { code = "aaaa-bbbb-cccc", verifier = client.Verifier }, Stop);
            statuses.Add(answer.StatusCode);
            if (attempt == limit)
                answer.Headers.RetryAfter.ShouldNotBeNull();
        }

        statuses[0].ShouldNotBe(HttpStatusCode.TooManyRequests);
        statuses[^1].ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task Accounts_ThatOneProviderMakes_AreLimited_AndThoseThatThereAreSignInAllTheSame()
    {
        await using var small = await SignOnCase.StartAsync("--http:registrationsPerProvider", "1");
        var first = await small.SignInAsync();
        (small.Provider.Subject, small.Provider.Email) = ("subject-2", "second@example.org");
        var client = new SignOnProgram();
        var code = await small.PassAsync(small.NewBrowser(), client);
        (await RunningNode.ReadProblemAsync(await small.RedeemAsync(code, client))).Code.ShouldBe("rateLimited");

        (small.Provider.Subject, small.Provider.Email) = ("subject-1", "grace@example.org");
        (await small.SignInAsync()).User.ShouldBe(first.User);
    }

    [Fact]
    public async Task Provider_ThatWasChangedOrRemovedMeanwhile_LetsNobodyIn()
    {
        using var browser = _case.NewBrowser();
        var client = new SignOnProgram();
        var answer = _case.Provider.Login(await SignOnCase.BeginAsync(browser, client));
        var code = await _case.PassAsync(_case.NewBrowser(), client);

        (await _case.Boss.DeleteAsync("/api/v1/organisations/acme/identity-provider", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await SignOnCase.RefusalOfAsync(await browser.GetAsync(answer))).ShouldBe("signOnUnknown");
        (await RunningNode.ReadProblemAsync(await _case.RedeemAsync(code, client))).Code.ShouldBe("signOnCodeWrong");
        (await SignOnCase.RefusalOfAsync(await browser.GetAsync($"{Browser.PublicUrl}/login/acme?{client.Query}"))).ShouldBe("identityProviderMissing");
    }

    private async Task<string> RefusedAsync()
    {
        using var browser = _case.NewBrowser();
        return await SignOnCase.RefusalOfAsync(await browser.GetAsync(_case.Provider.Login(await SignOnCase.BeginAsync(browser, new SignOnProgram()))));
    }

    private async Task<IReadOnlyList<string>> MembersAsync() =>
        [.. (await RunningNode.ReadAsync<ListResponse<MemberResponse>>(await _case.Boss.GetAsync("/api/v1/organisations/acme/members", Stop))).Items.Select(member => $"{member.Handle} {member.Role}")];
}
