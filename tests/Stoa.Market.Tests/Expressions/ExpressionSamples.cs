using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stoa.Market.Expressions;

namespace Stoa.Market.Tests.Expressions;

/// <summary>Expressions are read and evaluated.</summary>
internal static class ExpressionSamples
{
    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JmesPath Parse(string text)
    {
        JmesPath.TryParse(text, out var expression, out var fault).ShouldBeTrue(fault?.Reason);
        return expression!;
    }

    public static ExpressionFault ParseFault(string text)
    {
        JmesPath.TryParse(text, out var expression, out var fault).ShouldBeFalse(text);
        expression.ShouldBeNull();
        return fault!;
    }

    /// <summary>What it gives, as JSON without white space.</summary>
    public static string Evaluate(string expression, string json) => Evaluate(Parse(expression), json).Json ?? throw new ShouldAssertException($"{expression} has no result.");

    /// <summary>What it gives, or why it gives nothing.</summary>
    public static (string? Json, ExpressionFault? Fault) Evaluate(JmesPath expression, string json)
    {
        var budget = new ExpressionBudget(ExpressionBudget.MaxSteps);
        return expression.TryEvaluate(JsonElement.Parse(json), budget, out var result, out var fault) ? (Written(result), null) : (null, fault);
    }

    public static ExpressionFault EvaluationFault(string expression, string json)
    {
        var (result, fault) = Evaluate(Parse(expression), json);
        result.ShouldBeNull();
        return fault!;
    }

    public static string Written(ExpressionValue value)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, s_plain))
            value.TryWrite(json, new ExpressionBudget(ExpressionBudget.MaxSteps), out var fault).ShouldBeTrue(fault?.Reason);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
