using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Stoa.Market.Messages;

/// <summary>Tells one delivery of a message from those before and after it: a fence, so that a receiver whose time is over undoes nothing of the next one's.</summary>
/// <param name="Number">Drawn by chance, never 0.</param>
public readonly record struct DeliveryToken(long Number) : IParsable<DeliveryToken>
{
    private const int Digits = 16;

    /// <summary>Draws one.</summary>
    /// <param name="random">Chance that nobody can foretell.</param>
    public static DeliveryToken Draw(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new DeliveryToken(random.NextInt64(1, long.MaxValue));
    }

    /// <summary>Reads a token.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static DeliveryToken Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out var token) ? token : throw new FormatException($"A token has {Digits} hexadecimal digits.");

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out DeliveryToken result)
    {
        result = default;
        if (s is not { Length: Digits } || !long.TryParse(s, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number) || number <= 0)
            return false;
        result = new DeliveryToken(number);
        return true;
    }

    public override string ToString() => Number.ToString("x16", CultureInfo.InvariantCulture);
}
