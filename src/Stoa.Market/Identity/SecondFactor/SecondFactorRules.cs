using System.Globalization;
using Stoa.Primitives;

namespace Stoa.Market.Identity.SecondFactor;

/// <summary>The second factor of an account, as the node keeps it.</summary>
/// <param name="Secret">Shared with the authenticator.</param>
/// <param name="LastStep">The newest step of which a code was used: none up to it is taken again.</param>
/// <param name="Failures">Wrong codes in a row.</param>
/// <param name="FailedAt">When the last of them came; null when there is none.</param>
/// <param name="RecoveryCodes">The hashes of those that are left.</param>
public sealed record TotpFactor(
    ReadOnlyMemory<byte> Secret, long LastStep, int Failures, DateTimeOffset? FailedAt, IReadOnlyList<ContentHash> RecoveryCodes);

/// <summary>What came of a code.</summary>
/// <param name="After">The second factor afterwards, to be kept whether the code was right or not.</param>
/// <param name="Refusal">Null when the code was right.</param>
/// <param name="UsedRecoveryCode">The recovery code that is gone now; null for a code of the authenticator.</param>
public sealed record SecondFactorCheck(TotpFactor After, Refusal<AccountRefusal>? Refusal, ContentHash? UsedRecoveryCode);

/// <summary>Which codes open the door.</summary>
public static class SecondFactorRules
{
    /// <summary>Recovery codes that are made at once.</summary>
    public const int RecoveryCodes = 10;

    /// <summary>Groups of four characters that a recovery code has: 80 bits.</summary>
    public const int RecoveryCodeGroups = 4;

    /// <summary>Wrong codes in a row after which one has to wait.</summary>
    public const int FailuresMax = 5;

    private static readonly TimeSpan s_firstWait = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromHours(1);

    /// <summary>How long after the last wrong code none is looked at: 5 minutes after the fifth in a row, twice as long after each further one, at most an hour.</summary>
    public static TimeSpan WaitAfter(int failures)
    {
        if (failures < FailuresMax)
            return TimeSpan.Zero;
        var doublings = Math.Min(failures - FailuresMax, 10);
        var wait = s_firstWait * Math.Pow(2, doublings);
        return wait < s_longestWait ? wait : s_longestWait;
    }

    /// <summary>Looks at a code: six digits of the authenticator, or a recovery code.</summary>
    public static SecondFactorCheck Check(TotpFactor factor, string code, DateTimeOffset now)
    {
        now = now.ToMilliseconds();
        var wait = WaitAfter(factor.Failures);
        // A failure of the future is of before the clock was set back; what lies far ahead holds nobody up.
        if (factor.FailedAt is { } failedAt && (now - failedAt).Duration() < wait)
        {
            var seconds = (long)Math.Ceiling((wait - (now - failedAt).Duration()).TotalSeconds);
            return new SecondFactorCheck(factor, new Refusal<AccountRefusal>(
                AccountRefusal.SecondFactorLocked,
                string.Create(CultureInfo.InvariantCulture, $"{factor.Failures} wrong codes came in a row. Try again in {seconds} seconds.")), null);
        }

        var typed = code.Replace(" ", "", StringComparison.Ordinal);
        if (typed.Length == Totp.Digits && typed.All(char.IsAsciiDigit))
        {
            if (Totp.Match(factor.Secret.Span, typed, now, factor.LastStep) is { } step)
                return new SecondFactorCheck(factor with { LastStep = step, Failures = 0, FailedAt = null }, null, null);
        }
        else if (FindRecoveryCode(factor, typed) is { } used)
        {
            var left = factor.RecoveryCodes.Where(hash => hash != used).ToList();
            return new SecondFactorCheck(factor with { Failures = 0, FailedAt = null, RecoveryCodes = left }, null, used);
        }

        return new SecondFactorCheck(
            factor with { Failures = factor.Failures + 1, FailedAt = now },
            new Refusal<AccountRefusal>(
                AccountRefusal.SecondFactorWrong,
                "The code is wrong or was used before. Give the six digits that the authenticator shows now (each opens once), or a recovery code."),
            null);
    }

    // All are compared, so that the time tells nothing of which it was.
    private static ContentHash? FindRecoveryCode(TotpFactor factor, string typed)
    {
        var hash = OneTimeCode.HashOf(typed);
        ContentHash? found = null;
        foreach (var kept in factor.RecoveryCodes)
        {
            if (OneTimeCode.AreSame(kept, hash))
                found = kept;
        }

        return found;
    }
}
