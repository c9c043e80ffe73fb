using Stoa.Market.Tasks.Models;
using Stoa.Node.Hosting;
using Stoa.Node.Inference.Agents;
using Stoa.Node.Inference.Replicas;

namespace Stoa.Node.Inference;

/// <summary>Wires models that are asked over OpenAI's API: who has them, how a request gets there, and what it costs.</summary>
public static class InferenceModule
{
    public static void AddInference(this IHostApplicationBuilder builder)
    {
        var options = builder.AddRoomOptions("Inference", new InferenceOptions(), options => options.Validate());
        builder.AddInferenceReplicas(options);
        builder.Services.AddInferenceMoney();
        builder.Services.AddSingleton<IModelGateway, AgentGateway>();
    }
}
