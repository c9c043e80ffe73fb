using System.Text.Json;
using Stoa.Market.Expressions;
using static Stoa.Market.Tests.Expressions.ExpressionSamples;

namespace Stoa.Market.Tests.Expressions;

/// <summary>What each production of the language gives, and why a text is none of it.</summary>
public sealed class JmesPathTests
{
    [Theory]
    [InlineData("a", """{"a":1}""", "1")]
    [InlineData("a", """{"b":1}""", "null")]
    [InlineData("a", "[1]", "null")]
    [InlineData("_a1", """{"_a1":true}""", "true")]
    [InlineData("\"a b\"", """{"a b":[]}""", "[]")]
    [InlineData("\"say \\\"\\u00e9\\\"\"", """{"say \"é\"":1}""", "1")]
    [InlineData("a", """{"a":1,"a":2}""", "2")]
    [InlineData("a", """{"\u0061":1}""", "1")]
    public void Name_GivesTheMemberOfThatName(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("a.b.c", """{"a":{"b":{"c":1}}}""", "1")]
    [InlineData("a . b", """{"a":{"b":1}}""", "1")]
    [InlineData("a.b.c", """{"a":{"b":"c"}}""", "null")]
    [InlineData("a.\"b\"", """{"a":{"b":1}}""", "1")]
    [InlineData("a.*", """{"a":{"b":1,"c":2}}""", "[1,2]")]
    [InlineData("a.[b, c]", """{"a":{"b":1}}""", "[1,null]")]
    [InlineData("a.{x: b}", """{"a":{"b":1}}""", """{"x":1}""")]
    [InlineData("a.length(@)", """{"a":[1,2]}""", "2")]
    [InlineData("a.[b]", "{}", "null")]
    [InlineData("a.{x: b}", "{}", "null")]
    [InlineData("a.type(@)", "{}", "\"null\"")]
    public void Dot_EvaluatesWhatIsBehindItOnWhatIsBeforeIt(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("[0]", "[1,2]", "1")]
    [InlineData("[-1]", "[1,2]", "2")]
    [InlineData("[2]", "[1,2]", "null")]
    [InlineData("[-3]", "[1,2]", "null")]
    [InlineData("a[1][0]", """{"a":[1,[2]]}""", "2")]
    [InlineData("[0]", """{"0":1}""", "null")]
    [InlineData("[ 1 ]", "[[1],[2]]", "[2]")]
    public void Index_CountsFromEitherEnd(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("[1:3]", "[1,2]")]
    [InlineData("[:2]", "[0,1]")]
    [InlineData("[3:]", "[3,4]")]
    [InlineData("[:]", "[0,1,2,3,4]")]
    [InlineData("[::]", "[0,1,2,3,4]")]
    [InlineData("[::2]", "[0,2,4]")]
    [InlineData("[1::2]", "[1,3]")]
    [InlineData("[-2:]", "[3,4]")]
    [InlineData("[:-2]", "[0,1,2]")]
    [InlineData("[::-1]", "[4,3,2,1,0]")]
    [InlineData("[3:1:-1]", "[3,2]")]
    [InlineData("[-2::-2]", "[3,1]")]
    [InlineData("[:-3:-1]", "[4,3]")]
    [InlineData("[4:1]", "[]")]
    [InlineData("[-100:100]", "[0,1,2,3,4]")]
    [InlineData("[100:-100:-2147483648]", "[4]")]
    [InlineData("[0:2147483647:2147483647]", "[0]")]
    public void Slice_CutsOffWhatIsBeyondTheEnds(string slice, string expected) => Evaluate(slice, "[0,1,2,3,4]").ShouldBe(expected);

    [Theory]
    [InlineData("[1:].a", """[{"a":1},{"a":2},{"b":3}]""", "[2]")]
    [InlineData("[0:1]", "\"text\"", "null")]
    [InlineData("[0:2]", "[null,1]", "[1]")]
    [InlineData("[*].a", """[{"a":1},{"a":null},{"b":2},{"a":3}]""", "[1,3]")]
    [InlineData("[*]", "[null,0,false]", "[0,false]")]
    [InlineData("[*]", """{"a":1}""", "null")]
    [InlineData("a[*].b[*].c", """{"a":[{"b":[{"c":1}]},{"b":[{"c":2},{"c":3}]}]}""", "[[1],[2,3]]")]
    [InlineData("a[*].b[0]", """{"a":[{"b":[1,2]},{"b":[3]}]}""", "[1,3]")]
    [InlineData("[*][0]", "[[1,2],[3],4]", "[1,3]")]
    [InlineData("*.a", """{"x":{"a":1},"y":{"b":2},"z":{"a":3}}""", "[1,3]")]
    [InlineData("*", """{"x":null,"y":1}""", "[1]")]
    [InlineData("*", "[1]", "null")]
    [InlineData("*.*", """{"x":{"a":1},"y":2}""", "[[1]]")]
    [InlineData("a.*.b", """{"a":{"x":{"b":1},"y":{"b":2}}}""", "[1,2]")]
    [InlineData("[]", "[[1,[2]],3,[],null]", "[1,[2],3]")]
    [InlineData("[][]", "[[1,[2]],3]", "[1,2,3]")]
    [InlineData("[]", """{"a":1}""", "null")]
    [InlineData("a[*].b[]", """{"a":[{"b":[1]},{"b":[2,[3]]}]}""", "[1,2,[3]]")]
    [InlineData("a[].b", """{"a":[[{"b":1}],{"b":2}]}""", "[1,2]")]
    [InlineData("[*].[a, b]", """[{"a":1},null]""", "[[1,null]]")]
    [InlineData("[*].length(@)", """["a","bc"]""", "[1,2]")]
    [InlineData("(a[*]).b", """{"a":[{"b":1}]}""", "null")]
    public void Projection_EvaluatesWhatIsBehindItOnEachItem(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("[?a > `1`].a", """[{"a":1},{"a":2},{"a":3}]""", "[2,3]")]
    [InlineData("[?a]", """[{"a":""},{"a":[]},{"a":{}},{"a":null},{"a":false},{},{"a":0}]""", """[{"a":0}]""")]
    [InlineData("[?a == 'x' || b && !c]", """[{"a":"x"},{"b":1},{"b":1,"c":1}]""", """[{"a":"x"},{"b":1}]""")]
    [InlineData("[?@ == `1`]", "[1,2,1.0]", "[1,1.0]")]
    [InlineData("[?a][?b]", """[{"a":1}]""", "[]")]
    [InlineData("a[?b].c[0]", """{"a":[{"b":1,"c":[1]}]}""", "[1]")]
    [InlineData("a[?b].c | [0]", """{"a":[{"b":1,"c":[1]}]}""", "[1]")]
    [InlineData("[?a]", """{"a":1}""", "null")]
    [InlineData("[?contains(@, 'a')]", """["ab","b"]""", "[\"ab\"]")]
    public void Filter_GivesTheItemsThatItIsTrueFor(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("a || b", """{"b":1}""", "1")]
    [InlineData("a || b", """{"a":0,"b":1}""", "0")]
    [InlineData("a || b", """{"a":[],"b":""}""", "\"\"")]
    [InlineData("a && b", """{"a":1,"b":2}""", "2")]
    [InlineData("a && b", """{"a":{},"b":2}""", "{}")]
    [InlineData("a || b && c", """{"a":1}""", "1")]
    [InlineData("(a || b) && c", """{"a":1}""", "null")]
    [InlineData("!a", "{}", "true")]
    [InlineData("!!a", """{"a":0}""", "true")]
    [InlineData("!a.b", """{"a":{"b":1}}""", "false")]
    [InlineData("!a[0]", """{"a":[1]}""", "false")]
    [InlineData("!a == b", """{"a":1,"b":false}""", "true")]
    [InlineData("a == b && c", """{"a":1,"b":1,"c":2}""", "2")]
    [InlineData("a == b | !@", """{"a":1,"b":2}""", "true")]
    [InlineData("a && length(b)", "{}", "null")]
    public void Conditions_BindAsTheSpecificationSays(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("a == b", """{"a":1,"b":1.0}""", "true")]
    [InlineData("a == b", """{"a":1,"b":"1"}""", "false")]
    [InlineData("a == b", """{"a":"\u00e9","b":"é"}""", "true")]
    [InlineData("a == b", "{}", "true")]
    [InlineData("a == b", """{"a":[1,{"x":[null]}],"b":[1,{"x":[null]}]}""", "true")]
    [InlineData("a == b", """{"a":[1,2],"b":[2,1]}""", "false")]
    [InlineData("a == b", """{"a":{"x":1,"y":2},"b":{"y":2,"x":1}}""", "true")]
    [InlineData("a == b", """{"a":{"x":null},"b":{"y":null}}""", "false")]
    [InlineData("a == {x: `1`}", """{"a":{"x":1}}""", "true")]
    [InlineData("a != b", """{"a":true,"b":false}""", "true")]
    [InlineData("a < b", """{"a":1,"b":1.5}""", "true")]
    [InlineData("a >= b", """{"a":1,"b":1}""", "true")]
    [InlineData("a <= b", """{"a":2,"b":1}""", "false")]
    [InlineData("a > b", """{"a":1e999,"b":1e300}""", "true")]
    [InlineData("a < b", """{"a":"a","b":"b"}""", "null")]
    [InlineData("a < b", """{"a":null,"b":1}""", "null")]
    [InlineData("a<b", """{"a":[],"b":{}}""", "null")]
    public void Comparison_IsOfValues_AndItsOrderOfNumbersAlone(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("a | b", """{"a":{"b":1}}""", "1")]
    [InlineData("a[*].b | [0]", """{"a":[{"b":1},{"b":2}]}""", "1")]
    [InlineData("a | @ | b", """{"a":{"b":1}}""", "1")]
    [InlineData("a | [b]", "{}", "null")]
    [InlineData("[a, b | c]", """{"a":1,"b":{"c":2}}""", "[1,2]")]
    [InlineData("{x: a, \"y z\": b[*].c, x: b}", """{"a":1,"b":[{"c":2}]}""", """{"x":[{"c":2}],"y z":[2]}""")]
    [InlineData("[a][0]", """{"a":1}""", "1")]
    [InlineData("[*.a]", """{"x":{"a":1}}""", "[[1]]")]
    [InlineData("@", "1", "1")]
    [InlineData("@.a", """{"a":1}""", "1")]
    public void Pipe_EndsProjections_AndSelectionsMakeValues(string expression, string json, string expected) => Evaluate(expression, json).ShouldBe(expected);

    [Theory]
    [InlineData("`1.50`", "1.50")]
    [InlineData("` [1, {\"a\": null}] `", """[1,{"a":null}]""")]
    [InlineData("`\"a\\`b\"`", "\"a`b\"")]
    [InlineData("`\"\\\\\"`", "\"\\\\\"")]
    [InlineData("`{\"a\": 1}`.a", "1")]
    [InlineData("'a'", "\"a\"")]
    [InlineData("''", "\"\"")]
    [InlineData("'it\\'s'", "\"it's\"")]
    [InlineData("'\\n\\\\'", "\"\\\\n\\\\\\\\\"")]
    [InlineData("'a\nb'", "\"a\\nb\"")]
    public void Literal_IsItsValue(string expression, string expected) => Evaluate(expression, "{}").ShouldBe(expected);

    [Fact]
    public void Number_ThatIsOnlySelected_KeepsItsText() =>
        Evaluate("[a, b[0], max(c), not_null(d, a)]", """{"a":12345678901234567890.10,"b":[1e2],"c":[1,2.0]}""").ShouldBe("[12345678901234567890.10,1e2,2.0,12345678901234567890.10]");

    [Fact]
    public void Selection_IsAPartOfWhatWasGiven()
    {
        var given = JsonElement.Parse("""{"a":[{"b": "kept  as it is"}]}""");
        Parse("a[0]").TryEvaluate(given, new ExpressionBudget(100), out var result, out _).ShouldBeTrue();

        result.TryToJson(new ExpressionBudget(0), out var json, out _).ShouldBeTrue();
        json.GetRawText().ShouldBe("""{"b": "kept  as it is"}""");
    }

    [Theory]
    [InlineData("", 0, "expression is expected")]
    [InlineData("  ", 2, "expression is expected")]
    [InlineData("a.", 2, "behind a dot, and there is the end")]
    [InlineData("a..b", 2, "behind a dot, and there is .")]
    [InlineData(".a", 0, "and there is .")]
    [InlineData("a b", 2, "operator or the end of the expression is expected here, and there is b")]
    [InlineData("a.1", 2, "behind a dot")]
    [InlineData("1", 0, "An expression is expected here, and there is 1")]
    [InlineData("a[", 2, "whole number, a slice or *")]
    [InlineData("a[b]", 2, "whole number, a slice or *")]
    [InlineData("a[0", 3, "closing ]")]
    [InlineData("a[0,1]", 3, "closing ]")]
    [InlineData("a[*", 3, "closing ]")]
    [InlineData("a[1:2:3:4]", 7, "step or a closing ]")]
    [InlineData("a[:b]", 3, "closing ]")]
    [InlineData("a[-]", 2, "whole number from -2147483648")]
    [InlineData("a[2147483648]", 2, "whole number from -2147483648")]
    [InlineData("[]a", 2, "operator or the end")]
    [InlineData("a*", 1, "operator or the end")]
    [InlineData("[*]*", 3, "operator or the end")]
    [InlineData("[a", 2, "comma or a closing ]")]
    [InlineData("[a,]", 3, "expression is expected")]
    [InlineData("[ ]", 2, "expression is expected")]
    [InlineData("a.[]", 2, "behind a dot")]
    [InlineData("a.[0]", 3, "expression is expected")]
    [InlineData("[?a", 3, "closing ]")]
    [InlineData("[?]", 2, "expression is expected")]
    [InlineData("[ ?a]", 2, "character of the language")]
    [InlineData("{}", 1, "A name is expected")]
    [InlineData("{a}", 2, "colon")]
    [InlineData("{a: }", 4, "expression is expected")]
    [InlineData("{a: b,}", 6, "A name is expected")]
    [InlineData("{a: b", 5, "closing }")]
    [InlineData("a{b: c}", 1, "operator or the end")]
    [InlineData("(a", 2, "closing )")]
    [InlineData("a)", 1, "and there is )")]
    [InlineData("@(a)", 1, "and there is (")]
    [InlineData("\"length\"(a)", 8, "no quotes")]
    [InlineData("a.\"length\"(b)", 10, "no quotes")]
    [InlineData("length(a", 8, "closing )")]
    [InlineData("length(a,", 9, "expression is expected")]
    [InlineData("&a", 0, "only as an argument")]
    [InlineData("map(&&a, b)", 4, "expression is expected")]
    [InlineData("a = b", 2, "'=='")]
    [InlineData("a <> b", 3, "expression is expected")]
    [InlineData("a || ", 5, "expression is expected")]
    [InlineData("|| a", 0, "expression is expected")]
    [InlineData("a.`1`", 2, "behind a dot")]
    [InlineData("\"a", 0, "closing \"")]
    [InlineData("\"\"", 0, "at least one character")]
    [InlineData("\"\\u\"", 0, "escapes of JSON")]
    [InlineData("\"\\ud800\"", 0, "escapes of JSON")]
    [InlineData("'a", 0, "closing '")]
    [InlineData("`1", 0, "closing `")]
    [InlineData("`a`", 0, "JSON")]
    [InlineData("``", 0, "JSON")]
    [InlineData("a#", 1, "character of the language")]
    [InlineData("a\0", 1, "character of the language")]
    [InlineData("é", 0, "character of the language")]
    public void Text_ThatIsNoExpression_IsRefusedAtItsPlace(string text, int offset, string reason)
    {
        var fault = ParseFault(text);

        fault.Kind.ShouldBe(ExpressionFaultKind.Syntax);
        fault.Offset.ShouldBe(offset, fault.Reason);
        fault.Reason.ShouldContain(reason);
    }

    [Theory]
    [InlineData("a | lenght(b)", ExpressionFaultKind.UnknownFunction, 4, "length")]
    [InlineData("length()", ExpressionFaultKind.InvalidArity, 0, "takes 1 argument, and there are 0")]
    [InlineData("length(a, b)", ExpressionFaultKind.InvalidArity, 0, "takes 1 argument, and there are 2")]
    [InlineData("not_null()", ExpressionFaultKind.InvalidArity, 0, "1 argument or more")]
    [InlineData("join(a)", ExpressionFaultKind.InvalidArity, 0, "takes 2 arguments")]
    [InlineData("sort_by(a, b)", ExpressionFaultKind.InvalidType, 11, "& before it")]
    [InlineData("length(&a)", ExpressionFaultKind.InvalidType, 7, "without &")]
    [InlineData("[1:2:0]", ExpressionFaultKind.InvalidValue, 5, "other than 0")]
    public void Text_ThatSaysWhatCannotBe_IsRefusedAtItsPlace(string text, ExpressionFaultKind kind, int offset, string reason)
    {
        var fault = ParseFault(text);

        (fault.Kind, fault.Offset).ShouldBe((kind, offset));
        fault.Reason.ShouldContain(reason);
    }

    [Fact]
    public void Text_WithHalfACharacter_IsRefusedAtItsPlace()
    {
        var (last, first, alone) = (ParseFault("a.\ud83d"), ParseFault("'\ude00\ud83d'"), ParseFault("'\ud83d\ude00\ud83d'"));

        (last.Kind, first.Kind, alone.Kind).ShouldBe((ExpressionFaultKind.InvalidText, ExpressionFaultKind.InvalidText, ExpressionFaultKind.InvalidText));
        (last.Offset, first.Offset, alone.Offset).ShouldBe((2, 1, 3));
    }

    [Fact]
    public void Value_WithHalfACharacter_IsAFault_WhereItIsLookedAt()
    {
        EvaluationFault("to_string(a)", """{"a":["\ud800"]}""").Kind.ShouldBe(ExpressionFaultKind.InvalidText);
        EvaluationFault("length(a)", """{"a":"\ud800"}""").Kind.ShouldBe(ExpressionFaultKind.InvalidText);
        EvaluationFault("a == b", """{"a":"\ud800","b":"\ud800"}""").Kind.ShouldBe(ExpressionFaultKind.InvalidText);
        EvaluationFault("keys(a)", """{"a":{"\udc00":1}}""").Kind.ShouldBe(ExpressionFaultKind.InvalidText);
        EvaluationFault("a.x", """{"a":{"\udc00":1}}""").Kind.ShouldBe(ExpressionFaultKind.InvalidText);
        Evaluate("a || b", """{"a":false,"b":2,"c":"\ud800"}""").ShouldBe("2");
    }
}
