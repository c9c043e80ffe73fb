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

    /// <summary>Reads an amount above zero; adds what is wrong with it, and answers zero then.</summary>
    public static Money ReadAboveZero(string text, string pointer, ICollection<FieldError> errors)
    {
        if (Money.TryParse(text, out var amount) && amount > Money.Zero)
            return amount;
        errors.Add(new FieldError(pointer, "An amount in US dollars above zero is expected, such as \"5\" or \"0.25\"."));
        return Money.Zero;
    }

    /// <summary>Reads the only thing that can be wrong with a request.</summary>
    /// <exception cref="RequestRefusedException">It is no amount.</exception>
    public static Money ReadOrRefuse(string text, string pointer)
    {
        var errors = new List<FieldError>();
        var amount = Read(text, pointer, errors);
        return errors.Count == 0 ? amount : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
    }
}
