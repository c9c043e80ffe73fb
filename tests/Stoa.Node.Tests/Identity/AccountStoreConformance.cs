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
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
    private static readonly CellKey Cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(Totp.SecretBytes);

    private readonly IdSource ids = new(TimeProvider.System, new Random(1));
    private Id<User> ada;
    private Id<User> bob;

    private SqlAccountStore Store => new(Database, Cell);

    private SqlUserStore Users => new(Database, ids);

    private SqlSessionStore Sessions => new(Database, Cell, new SessionLimits(TimeSpan.FromDays(30), TimeSpan.FromDays(90), TimeSpan.FromSeconds(30)));

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        ada = await RegisterAsync("ada");
        bob = await RegisterAsync("bob");
    }

    [Fact]
    public async Task NewAccount_HasTheDefaults() => (await Store.GetAsync(ada, Stop)).ShouldBe(new AccountSecurity(false, null, null, null, 0));

    [Fact]
    public async Task Verification_TakesTheCodeOfTheNewestLetter_Once()
    {
        await Store.RequireVerificationAsync(ada, Stop);
        (await Store.GetAsync(ada, Stop)).MustVerify.ShouldBeTrue();
        var first = await SendAsync(ada, MailedCodePurpose.Verification, Now);
        var second = await SendAsync(ada, MailedCodePurpose.Verification, Now.AddMinutes(1));

        (await Store.VerifyEmailAsync(ada, first, Now.AddMinutes(2), Stop)).ShouldBeFalse();
        (await Store.VerifyEmailAsync(bob, second, Now.AddMinutes(2), Stop)).ShouldBeFalse();
        (await Store.VerifyEmailAsync(ada, second, Now.AddMinutes(2), Stop)).ShouldBeTrue();
        (await Store.VerifyEmailAsync(ada, second, Now.AddMinutes(3), Stop)).ShouldBeFalse();

        (await Store.GetAsync(ada, Stop)).VerifiedAt.ShouldBe(Now.AddMinutes(2));
    }

    [Fact]
    public async Task SecondLetterWithinAMinute_IsNotWritten_AndTheFirstStaysGood()
    {
        var first = await SendAsync(ada, MailedCodePurpose.Verification, Now);

        (await Store.PutCodeAsync(ada, MailedCodePurpose.Verification, NewCode(MailedCodePurpose.Verification, Now.AddSeconds(59)), Stop)).ShouldBeFalse();
        (await Store.PutCodeAsync(ada, MailedCodePurpose.PasswordReset, NewCode(MailedCodePurpose.PasswordReset, Now.AddSeconds(59)), Stop)).ShouldBeTrue();
        (await Store.VerifyEmailAsync(ada, first, Now, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task CodeThatWasTriedTooOften_IsWorthNothing()
    {
        var right = await SendAsync(ada, MailedCodePurpose.Verification, Now);
        for (var attempt = 0; attempt < MailedCode.TriesMax; attempt++)
            (await Store.VerifyEmailAsync(ada, OneTimeCode.HashOf($"wrong-{attempt}"), Now, Stop)).ShouldBeFalse();

        (await Store.VerifyEmailAsync(ada, right, Now, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task Code_IsGoodForItsOwnPurposeOnly()
    {
        var verification = await SendAsync(ada, MailedCodePurpose.Verification, Now);

        (await Store.ResetPasswordAsync(ada, verification, "new hash", Now, Stop)).ShouldBeNull();
        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("hash");
    }

    [Fact]
    public async Task Reset_SetsThePassword_VerifiesTheAddress_AndEndsAllSessions()
    {
        var session = await OpenSessionAsync(ada);
        var code = await SendAsync(ada, MailedCodePurpose.PasswordReset, Now);

        (await Store.ResetPasswordAsync(ada, code, "new hash", Now, Stop)).ShouldBe([session]);

        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("new hash");
        var account = await Store.GetAsync(ada, Stop);
        (account.VerifiedAt, account.PasswordChangedAt).ShouldBe((Now, Now));
        (await Store.ResetPasswordAsync(ada, code, "third hash", Now, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Change_OfAPasswordThatWasChangedMeanwhile_IsRefused()
    {
        var (here, there) = (await OpenSessionAsync(ada), await OpenSessionAsync(ada));
        var letter = await SendAsync(ada, MailedCodePurpose.PasswordReset, Now);

        (await Store.ChangePasswordAsync(ada, "other hash", "new hash", here, Now, Stop)).ShouldBeNull();
        (await Store.ChangePasswordAsync(ada, "hash", "new hash", here, Now, Stop)).ShouldBe([there]);
        (await Store.ChangePasswordAsync(ada, "hash", "third hash", here, Now, Stop)).ShouldBeNull();

        (await Users.FindByLoginAsync("ada", Stop))!.PasswordHash.ShouldBe("new hash");
        (await Store.ResetPasswordAsync(ada, letter, "fourth hash", Now, Stop)).ShouldBeNull("a letter of before opens nothing any more");
    }

    [Fact]
    public async Task SecondFactor_IsInForceOnceAFirstCodeHasCome()
    {
        (await UseAsync(RightCode(Now), SecondFactorAct.Enable, Now)).ShouldBe(AccountRefusal.SecondFactorMissing);
        (await Store.BeginTotpAsync(ada, Secret, Stop)).ShouldBeTrue();
        (await UseAsync(RightCode(Now), SecondFactorAct.None, Now)).ShouldBe(AccountRefusal.SecondFactorMissing);
        (await UseAsync("000000", SecondFactorAct.Enable, Now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await Store.GetAsync(ada, Stop)).TotpEnabledAt.ShouldBeNull();

        (await UseAsync(RightCode(Now), SecondFactorAct.Enable, Now, RecoveryHashes(1))).ShouldBeNull();

        (await Store.GetAsync(ada, Stop)).ShouldBe(new AccountSecurity(false, null, null, Now, 10));
        (await Store.BeginTotpAsync(ada, Secret, Stop)).ShouldBeFalse();
        (await UseAsync(RightCode(Now.AddSeconds(30)), SecondFactorAct.Enable, Now.AddSeconds(30))).ShouldBe(AccountRefusal.SecondFactorEnabled);
        (await UseAsync(RightCode(Now), SecondFactorAct.None, Now)).ShouldBe(AccountRefusal.SecondFactorWrong, "a code is good once");
        (await UseAsync(RightCode(Now.AddSeconds(30)), SecondFactorAct.None, Now.AddSeconds(30))).ShouldBeNull();
    }

    [Fact]
    public async Task OneCode_ByManyAtOnce_OpensForOne()
    {
        await EnrolAsync();
        var later = Now.AddMinutes(1);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => UseAsync(RightCode(later), SecondFactorAct.None, later)));

        outcomes.Count(refusal => refusal is null).ShouldBe(1);
    }

    [Fact]
    public async Task WrongCodes_ByManyAtOnce_AreAllCounted()
    {
        await EnrolAsync();
        var later = Now.AddMinutes(1);

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

        (await UseAsync(codes[0].Text, SecondFactorAct.None, Now)).ShouldBeNull();
        (await UseAsync(codes[0].Text, SecondFactorAct.None, Now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await Store.GetAsync(ada, Stop)).RecoveryCodesLeft.ShouldBe(9);

        (await UseAsync(codes[1].Text, SecondFactorAct.None, Now, RecoveryHashes(2))).ShouldBeNull();
        (await UseAsync(codes[2].Text, SecondFactorAct.None, Now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await UseAsync(RecoveryCodes(2)[0].Text, SecondFactorAct.None, Now)).ShouldBeNull();
    }

    [Fact]
    public async Task DisabledFactor_LeavesNothingBehind()
    {
        await EnrolAsync();

        (await UseAsync("000000", SecondFactorAct.Disable, Now)).ShouldBe(AccountRefusal.SecondFactorWrong);
        (await UseAsync(RecoveryCodes(1)[0].Text, SecondFactorAct.Disable, Now)).ShouldBeNull();

        (await Store.GetAsync(ada, Stop)).ShouldBe(new AccountSecurity(false, null, null, null, 0));
        (await Store.BeginTotpAsync(ada, Secret, Stop)).ShouldBeTrue();
    }

    [Fact]
    public async Task Secret_IsSealedForItsUser()
    {
        await Store.BeginTotpAsync(ada, Secret, Stop);

        var kept = await Database.ReadAsync(session => session.QuerySingleAsync<byte[]>("SELECT totp_secret FROM account_security"), Stop);

        kept.AsSpan().IndexOf(Secret).ShouldBe(-1);
        Cell.Open("totp " + ada, kept).ShouldBe(Secret);
        Should.Throw<CryptographicException>(() => Cell.Open("totp " + bob, kept));
    }

    [Fact]
    public async Task Forget_TakesLettersThatAreOver()
    {
        await SendAsync(ada, MailedCodePurpose.PasswordReset, Now);

        (await Store.ForgetAsync(Now.AddDays(1), Stop)).ShouldBe(0);
        (await Store.ForgetAsync(Now.AddDays(2), Stop)).ShouldBe(1);
    }

    private async Task EnrolAsync()
    {
        await Store.BeginTotpAsync(ada, Secret, Stop);
        (await UseAsync(RightCode(Now), SecondFactorAct.Enable, Now, RecoveryHashes(1))).ShouldBeNull();
    }

    private async Task<AccountRefusal?> UseAsync(string code, SecondFactorAct upon, DateTimeOffset now, IReadOnlyList<ContentHash>? codes = null) =>
        (await Store.UseCodeAsync(ada, code, upon, codes, now, Stop))?.Code;

    private static string RightCode(DateTimeOffset now) => Totp.Compute(Secret, Totp.StepOf(now));

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
        var session = Session.Begin(ids.Next<Session>(), user, null, Now);
        await Sessions.AddAsync(session, RandomNumberGenerator.GetBytes(RefreshToken.KeyBytes), 100, Stop);
        return session.Id;
    }

    private async Task<Id<User>> RegisterAsync(string handle) => (await Users.AddAsync(
        new StoredUser(new User(ids.Next<User>(), handle, $"{handle}@example.org", UserRole.Member, Now), "hash"), Stop)).Value.Id;
}

public sealed class SqliteAccountStoreTests() : AccountStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresAccountStoreTests(PostgresCluster cluster) : AccountStoreConformance(new PostgresSource(cluster));
