using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Batching;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference.Batching;

public sealed class EmbeddingVectorsTests
{
    [Theory]
    [InlineData("""{"data":[{"embedding":[0],"index":0},{"embedding":[1],"index":1},{"embedding":[2],"index":2}],"model":"x","usage":{"prompt_tokens":9}}""")]
    [InlineData("""{"data":[{"embedding":[2],"index":2},{"index":0,"embedding":[0]},{"index": 1 ,"embedding":[1]}]}""")]
    [InlineData("""{"object":"list","data":[{"embedding":[0]},{ "embedding":[1]},{"embedding":[2]}]}""")]
    public void Vectors_GoToWhoeverAskedForThem_NumberedFromZero(string answer)
    {
        var vectors = EmbeddingVectors.TryRead(Encoding.UTF8.GetBytes(answer), 3).ShouldNotBeNull();

        Written(vectors, 0, 1).ShouldBe("0:[0]");
        Written(vectors, 1, 2).ShouldBe("0:[1] 1:[2]");
    }

    [Fact]
    public void Answer_IsInTheFormOfOpenAi_AndHasNothingOfTheOthers()
    {
        var answer = """{"id":"all","data":[{"object":"embedding","index":0,"embedding":"AAAA"},{"object":"embedding","index":1,"embedding":"BBBB"}],"inputs":["a","secret"],"usage":{"prompt_tokens":9,"details":["secret"]}}"""u8;
        var output = new ArrayBufferWriter<byte>();

        EmbeddingVectors.TryRead(answer, 2)!.Write(output, 0, 1, JsonEncodedText.Encode("acme/m@1.0.0"), new TokenUsage(4, 0), new Money(4_000));

        Encoding.UTF8.GetString(output.WrittenSpan).ShouldBe(
            """{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAA"}],"model":"acme/m@1.0.0","usage":{"cost":"0.000004000","prompt_tokens":4,"total_tokens":4}}""");
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"data":{}}""")]
    [InlineData("""{"data":[{"embedding":[0]}]}""")]
    [InlineData("""{"data":[{"embedding":[0]},{"embedding":[1]},{"embedding":[2]}]}""")]
    [InlineData("""{"data":[{"embedding":[0],"index":0},{"embedding":[1],"index":0}]}""")]
    [InlineData("""{"data":[{"embedding":[0],"index":0},{"embedding":[1],"index":2}]}""")]
    [InlineData("""{"data":[{"embedding":[0],"index":-1},{"embedding":[1],"index":1}]}""")]
    [InlineData("""{"data":[{"embedding":[0],"index":0},{"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"embedding":[0]},{"embedding":[1],"index":1}]}""")]
    [InlineData("""{"data":[{"embedding":[0],"index":0,"index":1},{"embedding":[1],"index":1}]}""")]
    [InlineData("""{"data":[{"embedding":[0],"index":"0"},{"embedding":[1],"index":1}]}""")]
    [InlineData("""{"data":[{"embedding":null},{"embedding":[1]}]}""")]
    [InlineData("""{"data":[{},{"embedding":[1]}]}""")]
    [InlineData("""{"data":[[0],[1]]}""")]
    [InlineData("""{"data":[{"embedding":[0]},{"embedding":[1]}],"data":[{"embedding":[1]},{"embedding":[0]}]}""")]
    [InlineData("""{"data":[{"embedding":[0]},{"embedding":[1]}]""")]
    [InlineData("""{"data":[{"embedding":[0]},{"embedding":[1]}]} more""")]
    public void AnswerThatHasNotOneVectorForEach_IsNone(string answer) => EmbeddingVectors.TryRead(Encoding.UTF8.GetBytes(answer), 2).ShouldBeNull();

    private static string Written(EmbeddingVectors vectors, int first, int count)
    {
        var output = new ArrayBufferWriter<byte>();
        vectors.Write(output, first, count, JsonEncodedText.Encode("m"), default, Money.Zero);
        return string.Join(' ', JsonNode.Parse(output.WrittenSpan)!["data"]!.AsArray().Select(one => $"{one!["index"]}:{one["embedding"]!.ToJsonString()}"));
    }
}
