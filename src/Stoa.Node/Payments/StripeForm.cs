using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Stoa.Node.Payments;

/// <summary>The parameters of a request to Stripe: names and values, nested names in brackets (<c>line_items[0][quantity]</c>), values without one left out.</summary>
internal sealed class StripeForm
{
    private readonly StringBuilder _text = new();

    /// <summary>Adds a parameter, unless it has no value.</summary>
    public StripeForm Add(string name, string? value)
    {
        if (value is null)
            return this;
        if (_text.Length > 0)
            _text.Append('&');
        _text.Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
        return this;
    }

    /// <summary>Adds a number.</summary>
    public StripeForm Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>As a body.</summary>
    public ByteArrayContent ToContent()
    {
        var content = new ByteArrayContent(Encoding.ASCII.GetBytes(_text.ToString()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        return content;
    }

    /// <summary>As a query, with its question mark.</summary>
    public override string ToString() => _text.Length == 0 ? "" : "?" + _text;
}
