using System.Text.Json;
using Stoa.Market.Expressions;
using static Stoa.Market.Tests.Expressions.ExpressionSamples;

namespace Stoa.Market.Tests.Expressions;

public sealed class ExpressionValueTests
{
    [Theory]
    [InlineData("null", false)]
    [InlineData("false", false)]
    [InlineData("\"\"", false)]
    [InlineData("[]", false)]
    [InlineData("{}", false)]
    [InlineData("true", true)]
    [InlineData("0", true)]
    [InlineData("\" \"", true)]
    [InlineData("[null]", true)]
    [InlineData("""{"a":null}""", true)]
    public void Value_IsTrue_UnlessThereIsNothingInIt(string json, bool isTrue)
    {
        ExpressionValue.Of(JsonElement.Parse(json)).IsTrue.ShouldBe(isTrue);
        // The same of values that are made.
        Evaluate("!!@", json).ShouldBe(isTrue ? "true" : "false");
        Evaluate("[@] | [0] | !!@", json).ShouldBe(isTrue ? "true" : "false");
    }

    [Theory]
    [InlineData("!!join('', [@])", "\"\"", "false")]
    [InlineData("!!merge()", "1", "false")]
    [InlineData("!!`[1]`[1:]", "1", "false")]
    [InlineData("!!abs(`0`)", "1", "true")]
    [InlineData("!!!@", "1", "false")]
    public void Value_ThatWasMade_IsTrueBySameRules(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Fact]
    public void Value_ThatIsNothing_IsNull()
    {
        default(ExpressionValue).Kind.ShouldBe(JsonValueKind.Null);
        ExpressionValue.Of(default(JsonElement)).Kind.ShouldBe(JsonValueKind.Null);
        default(ExpressionValue).TryToJson(new ExpressionBudget(1), out var json, out _).ShouldBeTrue();
        json.ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Theory]
    [InlineData("[a, b, 'c', `1.0`, !a, type(a)]", """{"a":{"x":[1,"y",null,true]},"b":1e3}""", """[{"x":[1,"y",null,true]},1e3,"c",1.0,false,"object"]""")]
    [InlineData("{z: sum([`1`, `0.5`]), a: {y: @}}", "\"q\"", """{"z":1.5,"a":{"y":"q"}}""")]
    [InlineData("sum([a, a])", """{"a":1e20}""", "2E+20")]
    public void Value_IsWrittenAsJson(string expression, string json, string expected)
    {
        Evaluate(expression, json).ShouldBe(expected);
        Parse(expression).TryEvaluate(JsonElement.Parse(json), new ExpressionBudget(1_000), out var value, out _).ShouldBeTrue();
        value.TryToJson(new ExpressionBudget(1_000), out var element, out _).ShouldBeTrue();
        element.GetRawText().ShouldBe(expected);
    }
}
