using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Batching;

namespace Stoa.Market.Tests.Inference.Batching;

public sealed class EmbeddingBatchTests
{
    [Fact]
    public void Join_HasTheInputsOfAll_InTheirOrder_AndWhatTheySayBesides()
    {
        var joined = EmbeddingBatch.Join(
            "a \"model\"",
            [
                EmbeddingInputTests.Input("""{"model":"x","input":"one \u00e9","dimensions":8,"encoding_format":"base64","user":"u"}"""),
                EmbeddingInputTests.Input("""{"user":"u","input":[ "two" , "three"],"model":"y","encoding_format":"base64","dimensions":8}"""),
            ]);

        joined.Model.ShouldBe("a \"model\"");
        JsonNode.DeepEquals(
            JsonNode.Parse(Encoding.UTF8.GetString(joined.Rewrite("upstream", 0))),
            JsonNode.Parse("""{"model":"upstream","dimensions":8,"encoding_format":"base64","user":"u","input":["one é","two","three"]}""")).ShouldBeTrue();
    }

    [Fact]
    public void Join_OfTokens_HasAnArrayForEach_AndCountsAsTheyDo()
    {
        EmbeddingInput[] inputs = [EmbeddingInputTests.Input("""{"model":"x","input":[1,2]}"""), EmbeddingInputTests.Input("""{"model":"x","input":[[3],[4,5]]}""")];

        var joined = EmbeddingBatch.Join("m", inputs);

        JsonNode.DeepEquals(JsonNode.Parse(Encoding.UTF8.GetString(joined.Prompt.Span)), JsonNode.Parse("[[1,2],[3],[4,5]]")).ShouldBeTrue();
        joined.InputTokens.ShouldBe(5);
        joined.InputTokens.ShouldBe(inputs.Sum(input => input.Tokens));
    }

    [Fact]
    public void Join_OfWhatIsNotAlike_OrTooMuch_IsNotMade()
    {
        var text = EmbeddingInputTests.Input("""{"model":"x","input":"a"}""");
        Should.Throw<ArgumentException>(() => EmbeddingBatch.Join("m", []));
        Should.Throw<ArgumentException>(() => EmbeddingBatch.Join("m", [text, EmbeddingInputTests.Input("""{"model":"x","input":[1]}""")]));
        Should.Throw<ArgumentException>(() => EmbeddingBatch.Join("m", [.. Enumerable.Repeat(text, EmbeddingBatch.MostInputs + 1)]));
    }

    [Theory]
    [InlineData(10, "1 1 2", "3 2 5")]
    [InlineData(0, "1 2", "0 0")]
    [InlineData(16, "0 0 0", "6 5 5")]
    [InlineData(7, "0 7", "0 7")]
    public void ShareOut_IsByLargestRemainder(long tokens, string counts, string parts) =>
        string.Join(' ', EmbeddingBatch.ShareOut(tokens, [.. counts.Split(' ').Select(count => Counting(long.Parse(count, System.Globalization.CultureInfo.InvariantCulture)))])).ShouldBe(parts);

    [Fact]
    public void ShareOut_LosesNothing_AndGivesNobodyMoreThanItsOwnRequestMayCome_To()
    {
        var random = new Random(20_261_129);
        for (var round = 0; round < 20_000; round++)
        {
            EmbeddingInput[] inputs = [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => Counting(random.Next(4) switch { 0 => 0, 1 => 1, 2 => random.Next(20), _ => random.Next(100_000) }))];
            var most = TokenCount.MostOf(inputs.Sum(input => input.Tokens));
            var tokens = random.Next(3) == 0 ? most : random.NextInt64(most + 1);

            var parts = EmbeddingBatch.ShareOut(tokens, inputs);

            parts.Sum().ShouldBe(tokens);
            for (var index = 0; index < inputs.Length; index++)
                parts[index].ShouldBeInRange(0, TokenCount.MostOf(inputs[index].Tokens), $"{tokens} of {string.Join(' ', inputs.Select(input => input.Tokens))}");
        }
    }

    private static EmbeddingInput Counting(long tokens) => new(default, 1, "\"a\""u8.ToArray(), tokens);
}
