using System.Security.Cryptography;
using Stoa.Market.Identity;
using Stoa.Market.Identity.SecondFactor;
using Stoa.Market.Identity.SignIn;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>What the store of passwords, mailed codes and second factors does on every database.</summary>
public abstract class AccountStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
    private static readonly byte[] s_secret = RandomNumberGenerator.GetBytes(Totp.SecretBytes);

    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private Id<User> _ada;
    private Id<User> _bob;

    private SqlAccountStore Store => new(Database, s_cell);

    private SqlUserStore Users => new(Database, _ids, TestCell.Key);

    private SqlSessionStore Sessions => new(Database, s_cell, new SessionLimits(TimeSpan.FromDays(30), TimeSpan.FromDays(90), TimeSpan.FromSeconds(30)));

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _ada = await RegisterAsync("ada");
        _bob = await RegisterAsync("bob");
    }

    [Fact]
    public async Task NewAccount_HasTheDefaults() => (await Store.GetAsync(_ada, Stop)).ShouldBe(new AccountSecurity(false, null, null, null, 0));

    [Fact]
    public async Task Verification_TakesTheCodeOfTheNewestLetter_Once()
    {
        await Store.RequireVerificationAsync(_ada, Stop);
        (await Store.GetAsync(_ada, Stop)).MustVerify.ShouldBeTrue();
        var first = await SendAsync(_ada, MailedCodePurpose.Verification, s_now);
        var second = await SendAsync(_ada, MailedCodePurpose.Verification, s_now.AddMinutes(1));

        (await Store.VerifyEmailAsync(_ada, first, s_now.AddMinutes(2), Stop)).ShouldBeFalse();
        (await Store.VerifyEmailAsync(_bob, second, s_now.AddMinutes(2), Stop)).ShouldBeFalse();
        (await Store.VerifyEmailAsync(_ada, second, s_now.AddMinutes(2), Stop)).ShouldBeTrue();
        (await Store.VerifyEmailAsync(_ada, second, s_now.AddMinutes(3), Stop)).ShouldBeFalse();

        (await Store.GetAsync(_ada, Stop)).VerifiedAt.ShouldBe(s_now.AddMinutes(2));
    }

    [Fact]
    public async Task SecondLetterWithinAMinute_IsNotWritten_AndTheFirstStaysGood()
    {
        var first = await SendAsync(_ada, MailedCodePurpose.Verification, s_now);

        (await Store.PutCodeAsync(_ada, MailedCodePurpose.Verification, NewCode(MailedCodePurpose.Verification, s_now.AddSeconds(59)), Stop)).ShouldBeFalse();
        (await Store.PutCodeAsync(_ada, MailedCodePurpose.PasswordReset, NewCode(MailedCodePurpose.PasswordReset, s_now.AddSeconds(59)), Stop)).ShouldBeTrue();
        (await Store.VerifyEmailAsync(_ada, first, s_now, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task CodeThatWasTriedTooOften_IsWorthNothing()
    {
        var right = await SendAsync(_ada, MailedCodePurpose.Verification, s_now);
        for (var attempt = 0; attempt < MailedCode.TriesMax; attempt++)
            (await Store.VerifyEmailAsync(_ada, OneTimeCode.HashOf($"wrong-{attempt}"), s_now, Stop)).ShouldBeFalse();

        (await Store.VerifyEmailAsync(_ada, right, s_now, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task Code_IsGoodForItsOwnPurposeOnly()
    {
        var verification = await SendAsync(_ada, MailedCodePurpose.Verification, s_now);

        (await Store.ResetPasswordAsync(_ada, verification, "new hash", s_now, Stop)).ShouldBeNull();
        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("hash");
    }

    [Fact]
    public async Task Reset_SetsThePassword_VerifiesTheAddress_AndEndsAllSessions()
    {
        var session = await OpenSessionAsync(_ada);
        var code = await SendAsync(_ada, MailedCodePurpose.PasswordReset, s_now);

        (await Store.ResetPasswordAsync(_ada, code, "new hash", s_now, Stop)).ShouldBe([session]);

        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("new hash");
        var account = await Store.GetAsync(_ada, Stop);
        (account.VerifiedAt, account.PasswordChangedAt).ShouldBe((s_now, s_now));
        (await Store.ResetPasswordAsync(_ada, code, "third hash", s_now, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Reset_ByACodeThatWasHandedOver_VerifiesNothing_AndNoStrangerUsesItUp()
    {
        var session = await OpenSessionAsync(_ada);
        var letter = await SendAsync(_ada, MailedCodePurpose.PasswordReset, s_now);
        var old = await HandAsync(s_now);
        var code = await HandAsync(s_now.AddSeconds(1));
        for (var attempt = 0; attempt < 10 * MailedCode.TriesMax; attempt++)
            (await Store.ResetPasswordAsync(_ada, ContentHash.Of([1]), "hash of a thief", s_now, Stop)).ShouldBeNull();
        (await Store.ResetPasswordAsync(_ada, letter, "new hash", s_now, Stop)).ShouldBeNull("the letter's is used up, and another can be asked for");
        (await Store.ResetPasswordAsync(_ada, old, "new hash", s_now, Stop)).ShouldBeNull("a newer one has taken its place");

        (await Store.ResetPasswordAsync(_ada, code, "new hash", s_now.AddMinutes(59), Stop)).ShouldBe([session]);

        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("new hash");
        (await Store.GetAsync(_ada, Stop)).VerifiedAt.ShouldBeNull();
        (await Store.ResetPasswordAsync(_ada, code, "again", s_now, Stop)).ShouldBeNull("it is good once");
        var late = await HandAsync(s_now);
        (await Store.ResetPasswordAsync(_ada, late, "again", s_now.AddHours(1), Stop)).ShouldBeNull("it is good for an hour");
        var unused = await HandAsync(s_now.AddSeconds(2));
        (await Store.ChangePasswordAsync(_ada, "new hash", "third hash", null, s_now, Stop)).ShouldNotBeNull();
        (await Store.ResetPasswordAsync(_ada, unused, "fourth hash", s_now, Stop)).ShouldBeNull("the password was changed since");

        async Task<ContentHash> HandAsync(DateTimeOffset now)
        {
            var made = NewCode(MailedCodePurpose.HandedReset, now);
            await Store.PutHandedResetAsync(_ada, made, _ => Task.CompletedTask, Stop);
            return made.Hash;
        }
    }

    [Fact]
    public async Task Change_OfAPasswordThatWasChangedMeanwhile_IsRefused()
    {
        var (here, there) = (await OpenSessionAsync(_ada), await OpenSessionAsync(_ada));
        var letter = await SendAsync(_ada, MailedCodePurpose.PasswordReset, s_now);

        (await Store.ChangePasswordAsync(_ada, "other hash", "new hash", here, s_now, Stop)).ShouldBeNull();
        (await Store.ChangePasswordAsync(_ada, "hash", "new hash", here, s_now, Stop)).ShouldBe([there]);
        (await Store.ChangePasswordAsync(_ada, "hash", "third hash", here, s_now, Stop)).ShouldBeNull();

        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("new hash");
        (await Store.ResetPasswordAsync(_ada, letter, "fourth hash", s_now, Stop)).ShouldBeNull("a letter of before opens nothing any more");
    }

    [Fact]
    public async Task SecondFactor_IsInForceOnceAFirstCodeHasCome()
    {
        (await UseAsync(RightCode(s_now), SecondFactorAct.Enable, s_now)).ShouldBe(AccountRefusal.SecondFactorMissing);
        (await Store.BeginTotpAsync(_ada, s_secret, Stop)).ShouldBeTrue();
        (await UseAsync(RightCode(s_now), SecondFactorAct.None, s_now)).ShouldBe(AccountRefusal.SecondFactorMissing);
        (await UseAsync("000000", SecondFactorAct.Enable, s_now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await Store.GetAsync(_ada, Stop)).TotpEnabledAt.ShouldBeNull();

        (await UseAsync(RightCode(s_now), SecondFactorAct.Enable, s_now, RecoveryHashes(1))).ShouldBeNull();

        (await Store.GetAsync(_ada, Stop)).ShouldBe(new AccountSecurity(false, null, null, s_now, 10));
        (await Store.BeginTotpAsync(_ada, s_secret, Stop)).ShouldBeFalse();
        (await UseAsync(RightCode(s_now.AddSeconds(30)), SecondFactorAct.Enable, s_now.AddSeconds(30))).ShouldBe(AccountRefusal.SecondFactorEnabled);
        (await UseAsync(RightCode(s_now), SecondFactorAct.None, s_now)).ShouldBe(AccountRefusal.SecondFactorWrong, "a code is good once");
        (await UseAsync(RightCode(s_now.AddSeconds(30)), SecondFactorAct.None, s_now.AddSeconds(30))).ShouldBeNull();
    }

    [Fact]
    public async Task OneCode_ByManyAtOnce_OpensForOne()
    {
        await EnrolAsync();
        var later = s_now.AddMinutes(1);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => UseAsync(RightCode(later), SecondFactorAct.None, later)));

        outcomes.Count(refusal => refusal is null).ShouldBe(1);
    }

    [Fact]
    public async Task WrongCodes_ByManyAtOnce_AreAllCounted()
    {
        await EnrolAsync();
        var later = s_now.AddMinutes(1);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => UseAsync("000000", SecondFactorAct.None, later)));

        outcomes.Count(refusal => refusal == AccountRefusal.SecondFactorWrong).ShouldBe(SecondFactorRules.FailuresMax);
        outcomes.Count(refusal => refusal == AccountRefusal.SecondFactorLocked).ShouldBe(8 - SecondFactorRules.FailuresMax);
        (await UseAsync(RightCode(later), SecondFactorAct.None, later)).ShouldBe(AccountRefusal.SecondFactorLocked);
    }

    [Fact]
    public async Task RecoveryCodes_AreGoodOnceEach_UntilThereAreNewOnes()
    {
        await EnrolAsync();
        var codes = RecoveryCodes(1);

        (await UseAsync(codes[0].Text, SecondFactorAct.None, s_now)).ShouldBeNull();
        (await UseAsync(codes[0].Text, SecondFactorAct.None, s_now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await Store.GetAsync(_ada, Stop)).RecoveryCodesLeft.ShouldBe(9);

        (await UseAsync(codes[1].Text, SecondFactorAct.None, s_now, RecoveryHashes(2))).ShouldBeNull();
        (await UseAsync(codes[2].Text, SecondFactorAct.None, s_now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await UseAsync(RecoveryCodes(2)[0].Text, SecondFactorAct.None, s_now)).ShouldBeNull();
    }

    [Fact]
    public async Task DisabledFactor_LeavesNothingBehind()
    {
        await EnrolAsync();

        (await UseAsync("000000", SecondFactorAct.Disable, s_now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await UseAsync(RecoveryCodes(1)[0].Text, SecondFactorAct.Disable, s_now)).ShouldBeNull();

        (await Store.GetAsync(_ada, Stop)).ShouldBe(new AccountSecurity(false, null, null, null, 0));
        (await Store.BeginTotpAsync(_ada, s_secret, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task Secret_IsSealedForItsUser()
    {
        await Store.BeginTotpAsync(_ada, s_secret, Stop);

        var kept = await Database.ReadAsync(session => session.QuerySingleAsync<byte[]>("SELECT totp_secret FROM account_security"), Stop);

        kept.AsSpan().IndexOf(s_secret).ShouldBe(-1);
        s_cell.Open("totp " + _ada, kept).ShouldBe(s_secret);
        Should.Throw<CryptographicException>(() => s_cell.Open("totp " + _bob, kept));
    }

    [Fact]
    public async Task Forget_TakesLettersThatAreOver()
    {
        await SendAsync(_ada, MailedCodePurpose.PasswordReset, s_now);

        (await Store.ForgetAsync(s_now.AddDays(1), Stop)).ShouldBe(0);
        (await Store.ForgetAsync(s_now.AddDays(2), Stop)).ShouldBe(1);
    }

    private async Task EnrolAsync()
    {
        await Store.BeginTotpAsync(_ada, s_secret, Stop);
        (await UseAsync(RightCode(s_now), SecondFactorAct.Enable, s_now, RecoveryHashes(1))).ShouldBeNull();
    }

    private async Task<AccountRefusal?> UseAsync(string code, SecondFactorAct upon, DateTimeOffset now, IReadOnlyList<ContentHash>? codes = null) =>
        (await Store.UseCodeAsync(_ada, code, upon, codes, now, Stop))?.Code;

    private static string RightCode(DateTimeOffset now) => Totp.Compute(s_secret, Totp.StepOf(now));

    private static List<OneTimeCode> RecoveryCodes(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, SecondFactorRules.RecoveryCodes).Select(_ => OneTimeCode.Create(SecondFactorRules.RecoveryCodeGroups, random))];
    }

    private static IReadOnlyList<ContentHash> RecoveryHashes(int seed) => [.. RecoveryCodes(seed).Select(code => code.Hash)];

    private static MailedCode NewCode(MailedCodePurpose purpose, DateTimeOffset now) =>
        MailedCode.Send(OneTimeCode.Create(MailedCode.Groups, new Random((int)now.ToUnixTimeSeconds())), purpose, now);

    private async Task<ContentHash> SendAsync(Id<User> user, MailedCodePurpose purpose, DateTimeOffset now)
    {
        var code = NewCode(purpose, now);
        (await Store.PutCodeAsync(user, purpose, code, Stop)).ShouldBeTrue();
        return code.Hash;
    }

    private async Task<Id<Session>> OpenSessionAsync(Id<User> user)
    {
        var session = Session.Begin(_ids.Next<Session>(), user, null, s_now);
        await Sessions.AddAsync(session, RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes), 100, Stop);
        return session.Id;
    }

    private async Task<Id<User>> RegisterAsync(string handle) => (await Users.AddAsync(
        new StoredUser(new User(_ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, s_now), "hash"), Stop)).Value.Id;
}

public sealed class SqliteAccountStoreTests() : AccountStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAccountStoreTests(PostgresCluster cluster) : AccountStoreConformance(new PostgresSource(cluster));
