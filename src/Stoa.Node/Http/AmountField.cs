using Stoa.Market;
using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>Amounts in requests.</summary>
internal static class AmountField
{
    /// <summary>Reads an amount; adds what is wrong with it, and answers zero then.</summary>
    public static Money Read(string text, string pointer, ICollection<FieldError> errors)
    {
        if (!Money.TryParse(text, out var amount))
            errors.Add(new FieldError(pointer, "An amount in US dollars such as \"25\" or \"0.001250000\" is expected."));
        return amount;
    }
}
