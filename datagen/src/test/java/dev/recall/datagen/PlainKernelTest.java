package dev.recall.datagen;

class PlainKernelTest
    implements RandomKernelContract, RandomStreamContract, GaussianDistributionContract {

  @Override
  public RandomKernel kernel() {
    return new PlainKernel();
  }
}
