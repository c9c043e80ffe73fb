namespace Stoa.Market.Identity;

/// <summary>What may be asked of models in a minute, in an account's name.</summary>
/// <param name="CallsPerMinute">Requests, 1 to <see cref="CallsPerMinuteMax"/>; null for no limit.</param>
/// <param name="TokensPerMinute">Tokens of requests and answers, 1 to <see cref="TokensPerMinuteMax"/>; null for no limit.</param>
public sealed record ModelLimits(int? CallsPerMinute, int? TokensPerMinute)
{
    /// <summary>Most requests a minute that there is a limit of: above that, a limit is none.</summary>
    public const int CallsPerMinuteMax = 1_000_000;

    /// <summary>Most tokens a minute that there is a limit of: above that, a limit is none.</summary>
    public const int TokensPerMinuteMax = 1_000_000_000;

    /// <summary>Without limits.</summary>
    public static ModelLimits None { get; } = new(null, null);

    /// <summary>Every reason why these limits cannot be; empty when they can.</summary>
    public IEnumerable<FieldError> Check()
    {
        if (CallsPerMinute is < 1 or > CallsPerMinuteMax)
            yield return new("/callsPerMinute", $"A whole number from 1 to {CallsPerMinuteMax} is expected.");
        foreach (var error in CheckTokens(TokensPerMinute))
            yield return error;
    }

    /// <summary>The same of a limit of tokens alone.</summary>
    public static IEnumerable<FieldError> CheckTokens(int? tokensPerMinute)
    {
        if (tokensPerMinute is < 1 or > TokensPerMinuteMax)
            yield return new("/tokensPerMinute", $"A whole number from 1 to {TokensPerMinuteMax} is expected.");
    }
}
