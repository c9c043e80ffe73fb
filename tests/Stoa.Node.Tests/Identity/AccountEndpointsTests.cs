using System.Net;
using System.Net.Http.Json;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Node.Hosting;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>Passwords, addresses and second factors over HTTP, with a mail server that is real but for the post.</summary>
public sealed class AccountEndpointsTests
{
    private const string Password = "correct horse battery";
    private const string NewPassword = "a horse of other batteries";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Account_OfANodeThatSendsMail_SignsInOnceTheCodeHasComeBack()
    {
        await using var box = new LetterBox();
        await using var node = await RunningNode.StartAsync(box.Options);
        await RegisterAsync(node);
        var code = await box.TakeCodeAsync("ada@example.org");

        (await SignInAsync(node)).Code.ShouldBe("emailUnverified");
        (await SignInAsync(node, "wrong password")).Code.ShouldBe("credentialsWrong", "only who has the password is told that the address is not verified");
        (await PostAsync(node, "email-verifications", new { email = "ada@example.org", code = "aaaa-bbbb-cccc" })).Code.ShouldBe("mailedCodeWrong");
        (await PostAsync(node, "email-verifications", new { email = "nobody@example.org", code })).Code.ShouldBe("mailedCodeWrong");
        (await PostAsync(node, "email-verifications", new { email = "ADA@example.org", code = code.ToUpperInvariant() })).Status.ShouldBe(HttpStatusCode.NoContent);

        (await SignInAsync(node)).Status.ShouldBe(HttpStatusCode.Created);
        (await PostAsync(node, "email-verifications", new { email = "ada@example.org", code })).Code.ShouldBe("mailedCodeWrong", "a code is good once");
    }

    [Fact]
    public async Task Account_OfANodeWithoutMail_CountsAsVerified()
    {
        await using var node = await RunningNode.StartAsync();
        await RegisterAsync(node);

        var session = await SessionAsync(node);

        using var client = node.NewClient(session.Token);
        var security = await RunningNode.ReadAsync<AccountSecurityResponse>(await client.GetAsync("/api/v1/users/me/security", Stop));
        security.ShouldBe(new AccountSecurityResponse(false, null, true, null, null, 0));
        foreach (var (path, body) in new (string, object)[]
        {
            ("email-verifications/letters", new { email = "ada@example.org" }),
            ("email-verifications", new { email = "ada@example.org", code = "x" }),
            ("password-resets/letters", new { email = "ada@example.org" }),
        })
        {
            (await PostAsync(node, path, body)).Code.ShouldBe("mailOff", path);
        }
    }

    [Fact]
    public async Task ForgottenPassword_IsSetAnewByLetter_AndAllSessionsEnd()
    {
        await using var box = new LetterBox();
        await using var node = await RunningNode.StartAsync(box.Options);
        var session = await VerifiedSessionAsync(node, box);

        (await PostAsync(node, "password-resets/letters", new { email = "nobody@example.org" })).Status.ShouldBe(HttpStatusCode.Accepted);
        (await PostAsync(node, "password-resets/letters", new { email = "ada@example.org" })).Status.ShouldBe(HttpStatusCode.Accepted);
        var code = await box.TakeCodeAsync("ada@example.org");
        (await PostAsync(node, "password-resets", new { email = "ada@example.org", code, newPassword = "short" })).Code.ShouldBe("passwordInvalid");
        (await PostAsync(node, "password-resets", new { email = "ada@example.org", code = "aaaa-bbbb-cccc", newPassword = NewPassword })).Code.ShouldBe("mailedCodeWrong");
        (await PostAsync(node, "password-resets", new { email = "ada@example.org", code, newPassword = NewPassword })).Status.ShouldBe(HttpStatusCode.NoContent);

        (await SignInAsync(node)).Code.ShouldBe("credentialsWrong");
        (await SignInAsync(node, NewPassword)).Status.ShouldBe(HttpStatusCode.Created);
        using var client = node.NewClient(session.Token);
        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await PostAsync(node, "sessions/refresh", new { refreshToken = session.RefreshToken })).Code.ShouldBe("sessionEnded");
        box.HasMore.ShouldBeFalse("an address without an account gets no letter");
    }

    [Fact]
    public async Task ForgottenPassword_OfANodeWithoutMail_IsSetAnewByTheCodeOfAnAdministrator_AndTheSecondFactorStays()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock });
        await RegisterAsync(node);
        var session = await SessionAsync(node);
        using var client = node.NewClient(session.Token);
        var begun = await RunningNode.ReadAsync<TotpResponse>(await client.PostAsJsonAsync("/api/v1/users/me/totp", new { password = Password }, Stop));
        (await client.PostAsJsonAsync("/api/v1/users/me/totp/confirmation", new { code = CodeOf(begun, clock) }, Stop)).EnsureSuccessStatusCode();
        (await PostAsync(client, "password-resets/codes", new { login = "ada" })).Code.ShouldBe("forbidden");
        (await PostAsync(node.Admin, "password-resets/codes", new { login = "nobody" })).Code.ShouldBe("userUnknown");
        (await PostAsync(node.Admin, "password-resets/codes", new { login = "stoa" })).Code.ShouldBe("administratorProtected");
        var first = await MakeCodeAsync(node, "ada");
        var made = await MakeCodeAsync(node, "Ada@example.org");

        (made.Handle, made.Email, made.HasSecondFactor, made.ExpiresAt).ShouldBe(("ada", "ada@example.org", true, clock.GetUtcNow().ToMilliseconds().AddHours(1)));
        (await ResetAsync(first.Code)).ShouldBe("mailedCodeWrong", "a newer one was made");
        (await ResetAsync(made.Code)).ShouldBeNull();
        (await ResetAsync(made.Code)).ShouldBe("mailedCodeWrong", "it is good once");

        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await PostAsync(node, "sessions/refresh", new { refreshToken = session.RefreshToken })).Code.ShouldBe("sessionEnded");
        (await SignInAsync(node)).Code.ShouldBe("credentialsWrong");
        (await SignInAsync(node, NewPassword)).Code.ShouldBe("secondFactorNeeded");
        var late = await MakeCodeAsync(node, "ada");
        clock.Advance(TimeSpan.FromHours(1));
        (await ResetAsync(late.Code)).ShouldBe("mailedCodeWrong", "its hour is over");
        var audit = await (await node.Admin.GetAsync("/api/v1/audit?act=makePasswordResetCode", Stop)).Content.ReadAsStringAsync(Stop);
        audit.ShouldContain(session.User.Id);
        audit.ShouldNotContain(made.Code);

        async Task<string?> ResetAsync(string code) => (await PostAsync(node, "password-resets", new { email = "ada@example.org", code, newPassword = NewPassword })).Code;
    }

    [Fact]
    public async Task CodeOfAnAdministrator_IsToldByLetter_AndVerifiesNoAddress()
    {
        await using var box = new LetterBox();
        await using var node = await RunningNode.StartAsync(box.Options);
        await RegisterAsync(node);
        await box.TakeCodeAsync("ada@example.org");

        var made = await MakeCodeAsync(node, "ada");

        var letter = await box.TakeAsync();
        letter.ShouldContain("A code for your password was made");
        letter.ShouldNotContain(made.Code);
        (await PostAsync(node, "password-resets", new { email = "ada@example.org", code = made.Code, newPassword = NewPassword })).Status.ShouldBe(HttpStatusCode.NoContent);
        (await SignInAsync(node, NewPassword)).Code.ShouldBe("emailUnverified");
    }

    [Fact]
    public async Task Password_IsChangedByWhoKnowsIt_AndOtherSessionsEnd()
    {
        await using var node = await RunningNode.StartAsync();
        await RegisterAsync(node);
        var (here, there) = (await SessionAsync(node), await SessionAsync(node));
        using var client = node.NewClient(here.Token);

        (await PutPasswordAsync(client, "wrong password", NewPassword)).Code.ShouldBe("passwordWrong");
        (await PutPasswordAsync(client, null, NewPassword)).Code.ShouldBe("passwordWrong");
        (await PutPasswordAsync(client, Password, "ada ada ada ada")).Code.ShouldBe("passwordInvalid");
        (await PutPasswordAsync(client, Password, NewPassword)).Status.ShouldBe(HttpStatusCode.NoContent);

        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
        using var other = node.NewClient(there.Token);
        (await other.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await SignInAsync(node)).Code.ShouldBe("credentialsWrong");
        (await SignInAsync(node, NewPassword)).Status.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task LostSecondFactor_IsRemovedByAnAdministrator_AndItsOwnerHearsOfIt()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var box = new LetterBox();
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock }, box.Options);
        var session = await VerifiedSessionAsync(node, box);
        using var client = node.NewClient(session.Token);
        var begun = await RunningNode.ReadAsync<TotpResponse>(await client.PostAsJsonAsync("/api/v1/users/me/totp", new { password = Password }, Stop));
        (await PostAsync(node.Admin, "users/ada/totp/removal", new { })).Code.ShouldBe("secondFactorMissing", "nothing is in force yet");
        (await client.PostAsJsonAsync("/api/v1/users/me/totp/confirmation", new { code = CodeOf(begun, clock) }, Stop)).EnsureSuccessStatusCode();
        (await SignInAsync(node)).Code.ShouldBe("secondFactorNeeded");
        (await PostAsync(client, "users/ada/totp/removal", new { })).Code.ShouldBe("forbidden");
        (await PostAsync(node.Admin, "users/nobody/totp/removal", new { })).Code.ShouldBe("userUnknown");
        (await PostAsync(node.Admin, "users/stoa/totp/removal", new { })).Code.ShouldBe("administratorProtected");

        (await PostAsync(node.Admin, "users/ada/totp/removal", new { })).Status.ShouldBe(HttpStatusCode.NoContent);

        var letter = await box.TakeAsync();
        letter.ShouldContain("To: ada@example.org");
        letter.ShouldContain("Your second factor was removed");
        (await client.GetAsync("/api/v1/users/me", Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await PostAsync(node, "sessions/refresh", new { refreshToken = session.RefreshToken })).Code.ShouldBe("sessionEnded");
        (await SignInAsync(node)).Status.ShouldBe(HttpStatusCode.Created);
        (await PostAsync(node.Admin, "users/ada/totp/removal", new { })).Code.ShouldBe("secondFactorMissing");
        var written = await RunningNode.ReadAsync<ListResponse<AuditEntryResponse>>(await node.Admin.GetAsync("/api/v1/audit?act=removeUserTotp", Stop));
        written.Items.Where(entry => entry.Status == 204).ShouldHaveSingleItem().Subject.ShouldBe(session.User.Id);
    }

    [Fact]
    public async Task Erasure_IsAnnouncedByLetter_AndSoIsItsUndoing()
    {
        await using var box = new LetterBox();
        await using var node = await RunningNode.StartAsync([.. box.Options, "--privacy:erasureGraceDays", "3"]);
        using var client = node.NewClient((await VerifiedSessionAsync(node, box)).Token);

        var asked = await RunningNode.ReadAsync<ErasureResponse>(await client.PutAsJsonAsync("/api/v1/users/me/erasure", new { password = Password }, Stop));

        (asked.GraceDays, asked.ErasesAt).ShouldBe((3, asked.RequestedAt!.Value.AddDays(3)));
        var letter = await box.TakeAsync();
        letter.ShouldContain("To: ada@example.org");
        letter.ShouldContain("Your account will be erased");
        letter.ShouldContain(asked.ErasesAt!.Value.UtcDateTime.ToString("yyyy-MM-dd HH:mm", System.Globalization.CultureInfo.InvariantCulture));
        (await PostAsync(node, "erasure-cancellations", new { login = "ada", password = Password })).Status.ShouldBe(HttpStatusCode.NoContent);
        (await box.TakeAsync()).ShouldContain("Your account will not be erased");
    }

    [Fact]
    public async Task Administrator_WithoutAPassword_SetsOneByKey()
    {
        await using var node = await RunningNode.StartAsync();

        (await PutPasswordAsync(node.Admin, null, NewPassword)).Status.ShouldBe(HttpStatusCode.NoContent);

        (await SignInAsync(node, NewPassword, login: "stoa")).Status.ShouldBe(HttpStatusCode.Created);
        (await PutPasswordAsync(node.Admin, null, Password)).Code.ShouldBe("passwordWrong");
    }

    [Fact]
    public async Task SecondFactor_IsAskedForOnceItIsInForce_AndEachCodeOpensOnce()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock });
        await RegisterAsync(node);
        using var client = node.NewClient((await SessionAsync(node)).Token);
        (await PostAsync(client, "users/me/totp", new { password = "wrong password" })).Code.ShouldBe("passwordWrong");
        var begun = await RunningNode.ReadAsync<TotpResponse>(await client.PostAsJsonAsync("/api/v1/users/me/totp", new { password = Password }, Stop));
        begun.Uri.ShouldBe($"otpauth://totp/Stoa:ada?secret={begun.Secret}&issuer=Stoa&algorithm=SHA1&digits=6&period=30");
        (await SignInAsync(node)).Status.ShouldBe(HttpStatusCode.Created, "nothing is asked for before a first code has come");

        var recovery = (await RunningNode.ReadAsync<RecoveryCodesResponse>(
            await client.PostAsJsonAsync("/api/v1/users/me/totp/confirmation", new { code = CodeOf(begun, clock) }, Stop))).Codes;
        recovery.Distinct().Count().ShouldBe(10);
        (await SignInAsync(node)).Code.ShouldBe("secondFactorNeeded");
        (await SignInAsync(node, "wrong password", CodeOf(begun, clock))).Code.ShouldBe("credentialsWrong");
        (await SignInAsync(node, code: CodeOf(begun, clock))).Code.ShouldBe("secondFactorWrong", "the code of the enrolment is used up");
        clock.Advance(TimeSpan.FromSeconds(30));
        (await SignInAsync(node, code: CodeOf(begun, clock))).Status.ShouldBe(HttpStatusCode.Created);
        (await SignInAsync(node, code: CodeOf(begun, clock))).Code.ShouldBe("secondFactorWrong");
        (await SignInAsync(node, code: recovery[3])).Status.ShouldBe(HttpStatusCode.Created);
        (await SignInAsync(node, code: recovery[3])).Code.ShouldBe("secondFactorWrong");

        var security = await RunningNode.ReadAsync<AccountSecurityResponse>(await client.GetAsync("/api/v1/users/me/security", Stop));
        (security.TotpEnabledAt is not null, security.RecoveryCodesLeft).ShouldBe((true, 9));
        (await PostAsync(client, "users/me/totp/removal", new { password = "wrong password", code = recovery[0] })).Code.ShouldBe("passwordWrong");
        (await PostAsync(client, "users/me/totp/removal", new { password = Password, code = recovery[0] })).Status.ShouldBe(HttpStatusCode.NoContent);
        (await SignInAsync(node)).Status.ShouldBe(HttpStatusCode.Created);
        (await PostAsync(client, "users/me/totp/recovery-codes", new { code = "000000" })).Code.ShouldBe("secondFactorMissing");
    }

    [Fact]
    public async Task WrongCodes_LockTheSecondFactor_AndSayHowLong()
    {
        var clock = new SettableTime(DateTimeOffset.UtcNow);
        await using var node = await RunningNode.StartAsync(NodePhysics.Real with { Time = clock });
        await RegisterAsync(node);
        using var client = node.NewClient((await SessionAsync(node)).Token);
        var begun = await RunningNode.ReadAsync<TotpResponse>(await client.PostAsJsonAsync("/api/v1/users/me/totp", new { password = Password }, Stop));
        (await client.PostAsJsonAsync("/api/v1/users/me/totp/confirmation", new { code = CodeOf(begun, clock) }, Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
        clock.Advance(TimeSpan.FromSeconds(60));
        for (var wrong = 0; wrong < SecondFactorRules.FailuresMax; wrong++)
            (await SignInAsync(node, code: "aaaa-bbbb-cccc-dddd")).Code.ShouldBe("secondFactorWrong");

        using var locked = await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "ada", password = Password, code = CodeOf(begun, clock) }, Stop);

        locked.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        locked.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromMinutes(5));
        clock.Advance(TimeSpan.FromMinutes(5));
        (await SignInAsync(node, code: CodeOf(begun, clock))).Status.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task WeakHash_IsMadeAnewAtSignIn()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;
        try
        {
            await using (var node = await RunningNode.StartInAsync(folder))
                await RegisterAsync(node);
            await using (var node = await RunningNode.StartInAsync(folder, "--identity:passwordIterations", "200"))
            {
                var before = (await node.Service<IUserStore>().FindByLoginAsync("ada", Stop))!.PasswordHash;
                (await SignInAsync(node)).Status.ShouldBe(HttpStatusCode.Created);
                var after = (await node.Service<IUserStore>().FindByLoginAsync("ada", Stop))!.PasswordHash;
                after.ShouldNotBe(before);
                (await SignInAsync(node)).Status.ShouldBe(HttpStatusCode.Created);
                (await node.Service<IUserStore>().FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe(after);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string CodeOf(TotpResponse totp, SettableTime clock)
    {
        Base32.TryDecode(totp.Secret.ToLowerInvariant(), out var secret).ShouldBeTrue();
        return Totp.Compute(secret, Totp.StepOf(clock.GetUtcNow()));
    }

    private static async Task RegisterAsync(RunningNode node) => (await node.Anonymous.PostAsJsonAsync(
        "/api/v1/users", new { handle = "ada", email = "ada@example.org", password = Password }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);

    private static async Task<SessionResponse> VerifiedSessionAsync(RunningNode node, LetterBox box)
    {
        await RegisterAsync(node);
        var code = await box.TakeCodeAsync("ada@example.org");
        (await PostAsync(node, "email-verifications", new { email = "ada@example.org", code })).Status.ShouldBe(HttpStatusCode.NoContent);
        return await SessionAsync(node);
    }

    private static async Task<SessionResponse> SessionAsync(RunningNode node) => await RunningNode.ReadAsync<SessionResponse>(
        await node.Anonymous.PostAsJsonAsync("/api/v1/sessions", new { login = "ada", password = Password }, Stop));

    private static Task<(HttpStatusCode Status, string? Code)> SignInAsync(RunningNode node, string password = Password, string? code = null, string login = "ada") =>
        code is null ? PostAsync(node, "sessions", new { login, password }) : PostAsync(node, "sessions", new { login, password, code });

    private static Task<(HttpStatusCode Status, string? Code)> PostAsync(RunningNode node, string path, object body) => PostAsync(node.Anonymous, path, body);

    private static async Task<PasswordResetCodeResponse> MakeCodeAsync(RunningNode node, string login) => await RunningNode.ReadAsync<PasswordResetCodeResponse>(
        await node.Admin.PostAsJsonAsync("/api/v1/password-resets/codes", new { login }, Stop));

    private static async Task<(HttpStatusCode Status, string? Code)> PostAsync(HttpClient client, string path, object body) =>
        await ReadAsync(await client.PostAsJsonAsync($"/api/v1/{path}", body, Stop));

    private static async Task<(HttpStatusCode Status, string? Code)> PutPasswordAsync(HttpClient client, string? currentPassword, string newPassword) =>
        await ReadAsync(await client.PutAsJsonAsync(
            "/api/v1/users/me/password", currentPassword is null ? (object)new { newPassword } : new { newPassword, currentPassword }, Stop));

    private static async Task<(HttpStatusCode Status, string? Code)> ReadAsync(HttpResponseMessage response)
    {
        using (response)
            return (response.StatusCode, response.IsSuccessStatusCode ? null : (await RunningNode.ReadProblemAsync(response)).Code);
    }
}
