using System.Text.Json;
using Stoa.Market.Expressions;

namespace Stoa.Market.Tests.Expressions;

/// <summary>Texts with expressions in them.</summary>
public sealed class TextTemplateTests
{
    private const string Value = """{"name":"Ann","count":2,"ratio":1.50,"list":[1,"é"],"nested":{"}":"brace","a":null}}""";

    [Theory]
    [InlineData("plain", "\"plain\"")]
    [InlineData("", "\"\"")]
    [InlineData("${count}", "2")]
    [InlineData("${ ratio }", "1.50")]
    [InlineData("${list[0]}", "1")]
    [InlineData("${nested}", """{"}":"brace","a":null}""")]
    [InlineData("${missing}", "null")]
    [InlineData(" ${count}", "\" 2\"")]
    [InlineData("Dear ${name}, ${count} of ${ratio}", "\"Dear Ann, 2 of 1.50\"")]
    [InlineData("${name}${name}", "\"AnnAnn\"")]
    [InlineData("${missing}!", "\"null!\"")]
    [InlineData("is ${count > `1`}", "\"is true\"")]
    [InlineData("$${name}", "\"${name}\"")]
    [InlineData("$${name} ${name}", "\"${name} Ann\"")]
    [InlineData("$$${name}", "\"$${name}\"")]
    [InlineData("$name {} } $", "\"$name {} } $\"")]
    [InlineData("${nested.\"}\"}", "\"brace\"")]
    [InlineData("<${'}'}>", "\"<}>\"")]
    [InlineData("${`{\"a\": \"}\"}`.a}.", "\"}.\"")]
    [InlineData("${{x: {y: count}}.x.y}", "2")]
    [InlineData("${'${'}:", "\"${:\"")]
    public void Template_PutsInWhatItsExpressionsGive(string text, string expected)
    {
        TextTemplate.TryParse(text, out var template, out var fault).ShouldBeTrue(fault?.Reason);
        template!.TryEvaluate(JsonElement.Parse(Value), new ExpressionBudget(1_000), out var result, out fault).ShouldBeTrue(fault?.Reason);

        ExpressionSamples.Written(result).ShouldBe(expected);
    }

    [Fact]
    public void Template_WritesWhatIsNoText_ForPeople()
    {
        TextTemplate.TryParse("${list}?", out var template, out _).ShouldBeTrue();
        template!.TryEvaluate(JsonElement.Parse(Value), new ExpressionBudget(1_000), out var result, out _).ShouldBeTrue();
        result.TryToJson(new ExpressionBudget(100), out var json, out _).ShouldBeTrue();

        json.GetString().ShouldBe("[1,\"é\"]?");
    }

    [Theory]
    [InlineData("${", 2, "expression is expected")]
    [InlineData("a ${}", 4, "expression is expected")]
    [InlineData("a ${name", 8, "closing }")]
    [InlineData("a ${name b}", 9, "closing }")]
    [InlineData("${name} ${name..a}", 15, "behind a dot")]
    [InlineData("${'name}", 2, "closing '")]
    [InlineData("${{a: b}", 8, "closing }")]
    [InlineData("${name]}", 6, "closing }")]
    [InlineData("${lenght(a)}", 2, "length")]
    public void Template_ThatIsNone_IsRefusedAtItsPlaceInTheWhole(string text, int offset, string reason)
    {
        TextTemplate.TryParse(text, out var template, out var fault).ShouldBeFalse();

        template.ShouldBeNull();
        fault!.Offset.ShouldBe(offset, fault.Reason);
        fault.Reason.ShouldContain(reason);
    }

    [Fact]
    public void Template_HasTheLimitsOfExpressions()
    {
        Refusal(new string('a', TextTemplate.MaxLength + 1)).ShouldBe((ExpressionFaultKind.TooLong, TextTemplate.MaxLength));
        Refusal("${" + new string(' ', JmesPath.MaxLength - 1) + "a}").ShouldBe(null);
        Refusal("${" + new string(' ', JmesPath.MaxLength) + "a}").ShouldBe((ExpressionFaultKind.TooLong, JmesPath.MaxLength + 3));
        Refusal("${'" + new string(' ', JmesPath.MaxLength) + "'}").ShouldBe((ExpressionFaultKind.TooLong, JmesPath.MaxLength + 3));
        Refusal(string.Concat(Enumerable.Repeat("${a}", JmesPath.MaxNodes))).ShouldBe(null);
        Refusal(string.Concat(Enumerable.Repeat("${a}", JmesPath.MaxNodes + 1))).ShouldBe((ExpressionFaultKind.TooManyNodes, (JmesPath.MaxNodes * 4) + 2));
        Refusal("${" + new string('(', 1_000)).ShouldBe((ExpressionFaultKind.NestedTooDeep, JmesPath.MaxNesting + 2));
        Refusal("text \udc00").ShouldBe((ExpressionFaultKind.InvalidText, 5));

        static (ExpressionFaultKind, int)? Refusal(string text) => TextTemplate.TryParse(text, out _, out var fault) ? null : (fault.Kind, fault.Offset);
    }

    [Theory]
    [InlineData("a ${ length(count) }", ExpressionFaultKind.InvalidType, 12)]
    [InlineData("${name} ${abs(name)}", ExpressionFaultKind.InvalidType, 14)]
    public void Template_WhoseExpressionFails_FailsAtItsPlaceInTheWhole(string text, ExpressionFaultKind kind, int offset)
    {
        TextTemplate.TryParse(text, out var template, out _).ShouldBeTrue();
        template!.TryEvaluate(JsonElement.Parse(Value), new ExpressionBudget(1_000), out _, out var fault).ShouldBeFalse();

        (fault!.Kind, fault.Offset).ShouldBe((kind, offset));
    }

    [Fact]
    public void Text_ThatIsPutTogether_IsPaid()
    {
        TextTemplate.TryParse(string.Concat(Enumerable.Repeat("${@}", 100)), out var template, out _).ShouldBeTrue();
        var budget = new ExpressionBudget(10_000);

        template!.TryEvaluate(JsonElement.Parse($"\"{new string('a', 8_000)}\""), budget, out _, out var fault).ShouldBeFalse();

        fault!.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
        budget.Left.ShouldBe(0);
    }

    [Theory]
    [InlineData("no ${'reference'}", true)]
    [InlineData("none", false)]
    [InlineData("${nodes.a.output} and ${nodes.b[0]} and ${nodes.a.output.x}", true, "nodes.a.output", "nodes.b")]
    [InlineData("${a.b} ${a} ${c}", true, "a", "c")]
    [InlineData("${a} ${@}", true, "@")]
    public void References_AreThoseOfAllExpressions(string text, bool hasExpressions, params string[] paths)
    {
        TextTemplate.TryParse(text, out var template, out _).ShouldBeTrue();

        template!.References.Select(path => path.ToString()).ShouldBe(paths);
        template.HasExpressions.ShouldBe(hasExpressions);
    }
}
