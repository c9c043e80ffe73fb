namespace Stoa.Llama.Tests.Models;

/// <summary>A model of the llama architecture with weights by chance: it writes nonsense, and always the same.</summary>
public static class TinyModel
{
    public const int ContextLength = 1_024;

    private const int HeadWidth = 16;

    /// <summary>The vocabulary of all of them.</summary>
    public static ByteVocabulary Vocabulary { get; } = ByteVocabulary.Create();

    /// <summary>Writes one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="width">Numbers of a token, a multiple of 16.</param>
    /// <param name="layers">One after the other.</param>
    public static void Save(string path, int seed = 1, int width = 64, int layers = 2)
    {
        using var writer = new GgufWriter();
        writer.Add("general.architecture", "llama");
        writer.Add("general.name", "tiny");
        writer.Add("llama.context_length", (uint)ContextLength);
        writer.Add("llama.embedding_length", (uint)width);
        writer.Add("llama.block_count", (uint)layers);
        writer.Add("llama.feed_forward_length", (uint)(2 * width));
        writer.Add("llama.attention.head_count", (uint)(width / HeadWidth));
        writer.Add("llama.attention.head_count_kv", (uint)(width / HeadWidth));
        writer.Add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        writer.Add("llama.rope.dimension_count", (uint)HeadWidth);
        writer.Add("llama.vocab_size", (uint)Vocabulary.Tokens.Count);
        writer.Add("tokenizer.ggml.model", "gpt2");
        writer.Add("tokenizer.ggml.pre", "gpt-2");
        writer.Add("tokenizer.ggml.tokens", Vocabulary.Tokens);
        writer.Add("tokenizer.ggml.token_type", [.. Vocabulary.Tokens.Select((_, id) => id < Vocabulary.FirstControl ? 1 : 3)]);
        writer.Add("tokenizer.ggml.merges", Vocabulary.MergeRules);
        writer.Add("tokenizer.ggml.bos_token_id", (uint)Vocabulary.FirstControl);
        writer.Add("tokenizer.ggml.eos_token_id", (uint)(Vocabulary.FirstControl + 2));
        writer.Add("tokenizer.ggml.add_bos_token", value: true);
        writer.Add("tokenizer.chat_template", "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}");
        AddWeights(writer, new Random(seed), width, layers);
        writer.Save(path);
    }

    private static void AddWeights(GgufWriter writer, Random random, int width, int layers)
    {
        // The spread keeps what goes through the layers about as large as it was.
        float[] Numbers(int rows, int columns, double spread) => [.. Enumerable.Range(0, rows * columns).Select(_ => (float)(spread * Normal(random)))];
        void Matrix(string name, int rows, int columns) => writer.Add(name, [columns, rows], Numbers(rows, columns, 1 / Math.Sqrt(columns)));
        void Norm(string name) => writer.Add(name, [width], [.. Enumerable.Repeat(1f, width)]);
        var tokens = Vocabulary.Tokens.Count;
        writer.Add("token_embd.weight", [width, tokens], Numbers(tokens, width, 1));
        Norm("output_norm.weight");
        // Far apart, so that the likeliest token is so by much.
        writer.Add("output.weight", [width, tokens], Numbers(tokens, width, 0.5));
        for (var layer = 0; layer < layers; layer++)
        {
            Norm($"blk.{layer}.attn_norm.weight");
            foreach (var name in (string[])["attn_q", "attn_k", "attn_v", "attn_output"])
                Matrix($"blk.{layer}.{name}.weight", width, width);
            Norm($"blk.{layer}.ffn_norm.weight");
            Matrix($"blk.{layer}.ffn_gate.weight", 2 * width, width);
            Matrix($"blk.{layer}.ffn_up.weight", 2 * width, width);
            Matrix($"blk.{layer}.ffn_down.weight", width, 2 * width);
        }
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
