using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>What a code that is sent by letter, or handed over, is for. A code for one is worth nothing for another.</summary>
public enum MailedCodePurpose
{
    /// <summary>Shows that the address is the user's.</summary>
    Verification,

    /// <summary>Sets a forgotten password anew.</summary>
    PasswordReset,

    /// <summary>Sets a forgotten password anew, too. An administrator of the node has made it and hands it over: it shows nothing of the address.</summary>
    HandedReset,
}

/// <summary>A code that was sent to a user's address, or handed over. A newer one for the same purpose makes it worthless.</summary>
/// <param name="Hash">See <see cref="OneTimeCode"/>.</param>
/// <param name="SentAt">UTC.</param>
/// <param name="ExpiresAt">UTC.</param>
/// <param name="TriesLeft">Wrong codes that may still come.</param>
public sealed record MailedCode(ContentHash Hash, DateTimeOffset SentAt, DateTimeOffset ExpiresAt, int TriesLeft)
{
    /// <summary>Wrong codes until a letter is worth nothing.</summary>
    public const int TriesMax = 5;

    /// <summary>Groups of four characters that a mailed code has: 60 bits.</summary>
    public const int Groups = 3;

    /// <summary>How long a user has to wait for another letter.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    /// <summary>How long a code for a purpose is good.</summary>
    public static TimeSpan LifetimeOf(MailedCodePurpose purpose) => purpose switch
    {
        MailedCodePurpose.Verification => TimeSpan.FromHours(24),
        MailedCodePurpose.PasswordReset => TimeSpan.FromMinutes(30),
        MailedCodePurpose.HandedReset => TimeSpan.FromHours(1),
        _ => throw new ArgumentOutOfRangeException(nameof(purpose)),
    };

    /// <summary>
    /// Whether wrong codes count against a code for a purpose. Not against one that is handed over: whoever knows the address alone could use it up before it is typed, and nobody could send another one. Its 60 random bits
    /// are not guessed in an hour either.
    /// </summary>
    public static bool CountsTries(MailedCodePurpose purpose) => purpose is not MailedCodePurpose.HandedReset;

    /// <summary>A code that is sent now.</summary>
    public static MailedCode Send(OneTimeCode code, MailedCodePurpose purpose, DateTimeOffset now)
    {
        now = now.ToMilliseconds();
        return new MailedCode(code.Hash, now, now + LifetimeOf(purpose), TriesMax);
    }

    /// <summary>Whether another letter may go out; one from the future is of before the clock was set back.</summary>
    public bool AllowsAnother(DateTimeOffset now) => (now - SentAt).Duration() >= Pause;

    /// <summary>Whether a typed code is this one, in time.</summary>
    public bool Admits(ContentHash typed, DateTimeOffset now) => OneTimeCode.AreSame(Hash, typed) && TriesLeft > 0 && now < ExpiresAt;
}
