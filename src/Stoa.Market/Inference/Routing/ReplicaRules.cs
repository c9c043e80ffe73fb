using Stoa.Primitives;

namespace Stoa.Market.Inference.Routing;

/// <summary>What a replica must be like, as far as it can be seen without asking it.</summary>
public static class ReplicaRules
{
    /// <summary>The longest address, in characters.</summary>
    public const int MaxAddressLength = 2_048;

    /// <summary>The longest name of a model at its server, in characters.</summary>
    public const int MaxUpstreamModelLength = 256;

    /// <summary>The longest key, in characters.</summary>
    public const int MaxKeyLength = 4_096;

    /// <summary>What a replica weighs when nothing is said.</summary>
    public const int DefaultWeight = 100;

    /// <summary>How many requests at once a replica gets when nothing is said.</summary>
    public const int DefaultMaxRequests = 64;

    // A million dollars for a million tokens: far above any price, and so low that no sum of a request leaves the range of money.
    private static readonly Money s_mostPrice = Money.Parse("1000000");

    /// <summary>Reads the address of a server's API; adds what is wrong with it, and answers null then.</summary>
    public static Uri? ReadAddress(string text, ICollection<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(errors);
        const string pointer = "/address";
        if (text.Length > MaxAddressLength || !Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.Host.Length == 0)
            errors.Add(new FieldError(pointer, $"An address such as http://127.0.0.1:8080/v1 is expected, of at most {MaxAddressLength} characters."));
        else if (address.UserInfo.Length > 0)
            errors.Add(new FieldError(pointer, "An address has no user and password in it: give what the server wants as apiKey."));
        else if (address.Query.Length > 0 || address.Fragment.Length > 0)
            errors.Add(new FieldError(pointer, "An address has neither a query nor a fragment: /chat/completions and the like are put behind it."));
        else
            return address;
        return null;
    }

    /// <summary>Adds what is wrong with what else is said of a replica; what is null is not said.</summary>
    public static void Check(string? upstreamModel, string? key, string? region, int? weight, int? maxRequests, ICollection<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        if (upstreamModel is not null && (upstreamModel.Length is 0 or > MaxUpstreamModelLength || upstreamModel.Any(char.IsControl)))
            errors.Add(new FieldError("/upstreamModel", $"The name that the server knows the model by is expected, of 1 to {MaxUpstreamModelLength} characters, none of them a control character."));
        // It goes into a header: what is not printable ASCII would be refused there, with the key in the message.
        if (key is not null && (key.Length > MaxKeyLength || key.Any(letter => letter is <= ' ' or > '~')))
            errors.Add(new FieldError("/apiKey", $"A key is at most {MaxKeyLength} printable characters of ASCII without blanks."));
        if (region is { Length: > 0 } && !Names.IsRegion(region))
            errors.Add(new FieldError("/region", "A lower-case word such as eu-central is expected: 2 to 32 characters of a-z, 0-9 and hyphens, a letter first."));
        if (weight is < 1 or > Replica.MostWeight)
            errors.Add(new FieldError("/weight", $"A whole number from 1 to {Replica.MostWeight:N0} is expected."));
        if (maxRequests is < 1 or > Replica.MostRequests)
            errors.Add(new FieldError("/maxRequests", $"A whole number from 1 to {Replica.MostRequests:N0} is expected."));
    }

    /// <summary>Reads what is taken for a million tokens; adds what is wrong with it, and answers zero then.</summary>
    public static Money ReadPrice(string text, string pointer, ICollection<FieldError> errors)
    {
        ArgumentNullException.ThrowIfNull(errors);
        if (Money.TryParse(text, out var price) && price >= Money.Zero && price <= s_mostPrice)
            return price;
        errors.Add(new FieldError(pointer, "An amount in US dollars for a million tokens is expected, such as \"0.25\": not negative, and at most 1000000."));
        return Money.Zero;
    }
}
